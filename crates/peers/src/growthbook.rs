//! GrowthBook, by its official SDK.

use growthbook_rust::{
    dto::GrowthBookResponse,
    growthbook::GrowthBook as Engine,
    model_public::{FeatureResult, GrowthBookAttribute, SavedGroup},
};
use serde_json::Value;

use crate::peer::{Answer, Peer, PeerError, object};

/// GrowthBook's features, in the format of its SDK endpoint: `{"features": {…}, "savedGroups": {…}}`.
pub struct GrowthBook(Engine);

impl GrowthBook {
    /// The engine's own answer.
    #[must_use]
    pub fn result(&self, feature: &str, attributes: &Option<Vec<GrowthBookAttribute>>) -> FeatureResult {
        self.0.check(feature, attributes)
    }
}

impl Peer for GrowthBook {
    const NAME: &'static str = "growthbook-rust";
    const KEY: &'static str = "id";
    /// As the engine wants to be handed it; there always are some.
    type Context = Option<Vec<GrowthBookAttribute>>;

    fn load(flags: &str) -> Result<Self, PeerError> {
        let response: GrowthBookResponse =
            serde_json::from_str(flags).map_err(|error| PeerError::Flags(error.to_string()))?;
        let groups = response.saved_groups.as_ref().and_then(Value::as_object);
        Ok(Self(Engine {
            forced_variations: response.forced_variations,
            features: response.features.unwrap_or_default(),
            attributes: None,
            sticky_bucket_service: None,
            saved_groups: groups
                .into_iter()
                .flatten()
                .map(|(id, group)| (id.clone(), SavedGroup::from(group)))
                .collect(),
        }))
    }

    fn context(attributes: &[(&str, Value)]) -> Result<Self::Context, PeerError> {
        GrowthBookAttribute::from(Value::Object(object(attributes)))
            .map(Some)
            .map_err(|error| PeerError::Context(error.to_string()))
    }

    fn boolean(&self, flag: &str, context: &Self::Context) -> Option<bool> {
        Some(self.result(flag, context).on)
    }

    fn text<R>(&self, flag: &str, context: &Self::Context, read: impl FnOnce(Option<&str>) -> R) -> R {
        read(self.result(flag, context).value.as_str())
    }

    /// The variant is the key of the variation where an experiment has decided; its index, without one. The
    /// reason is GrowthBook's `source`.
    fn evaluate(&self, flag: &str, context: &Self::Context) -> Result<Answer, PeerError> {
        let result = self.result(flag, context);
        match result.source.as_str() {
            "unknownFeature" => return Err(PeerError::UnknownFlag(flag.to_owned())),
            "cyclicPrerequisite" => return Err(PeerError::Evaluation(result.source)),
            _ => {}
        }
        let variant = result.experiment_result.filter(|experiment| experiment.in_experiment);
        Ok(Answer {
            value: Some(result.value).filter(|value| !value.is_null()),
            variant: variant.map(|experiment| experiment.key),
            reason: result.source,
        })
    }
}
