//! Variants: their names here, and their values.

use indexmap::IndexMap;
use serde_json::{Number, Value};

use super::{
    DISABLED,
    source::{Feature, Payload, Variant},
};
use crate::{
    import::report::Notes,
    limits::MAX_VARIANTS,
    model::{FlagType, VariantKey},
};

/// How deep a payload may nest to be given as an object: it will stand within a flag, and that within what is sent.
const MAX_PAYLOAD_DEPTH: usize = 64;

/// The variants of a feature, those of its strategies among them.
pub(super) struct Variants {
    flag_type: FlagType,
    /// Each with its name in Unleash.
    all: IndexMap<VariantKey, (String, Value)>,
    off: &'static str,
}

impl Variants {
    /// Whether a feature has any, of its own or of a strategy's.
    pub(super) fn any(feature: &Feature) -> bool {
        all(feature).next().is_some()
    }

    /// Names and values. `None` where they can't be kept, which is noted.
    pub(super) fn of(feature: &Feature, notes: &mut Notes) -> Option<Self> {
        if !Self::any(feature) {
            let mut own = Self { flag_type: FlagType::Boolean, all: IndexMap::new(), off: "off" };
            own.add("on", "on", Value::Bool(true))?;
            own.add("off", "off", Value::Bool(false))?;
            return Some(own);
        }
        let flag_type = flag_type(feature);
        let mut own = Self { flag_type, all: IndexMap::new(), off: DISABLED };
        own.add(DISABLED, DISABLED, Value::Null)?;
        for (at, variant) in all(feature) {
            if own.all.len() > MAX_VARIANTS {
                notes.refused(
                    "variants",
                    format!("there are more than {MAX_VARIANTS}, the most that a flag may have"),
                );
                return None;
            }
            if variant.name == DISABLED {
                notes
                    .refused(at, "a variant that is named as Unleash names no variant can't be told from it");
                return None;
            }
            let value = value(flag_type, variant.payload.as_ref());
            if own.find(&variant.name, &value).is_some() {
                continue;
            }
            let mut key = variant.name.clone();
            // Strategies may each have a variant of one name.
            let mut n = 1;
            while own.all.contains_key(key.as_str()) {
                n += 1;
                key = format!("{} ({n})", variant.name);
            }
            if n > 1 {
                let text =
                    format!("another variant of this name has another payload: this one is named `{key}`");
                notes.approximated(at.clone(), text);
            }
            if own.add(&key, &variant.name, value).is_none() {
                notes.refused(at, "a variant's name has 1 to 256 bytes and no control characters");
                return None;
            }
        }
        if flag_type == FlagType::String
            && all(feature)
                .any(|(_, variant)| variant.payload.as_ref().is_some_and(|own| own.kind != "string"))
        {
            notes.mapped(
                "variants",
                "payloads are given as their texts: they are not all JSON, or all numbers",
            );
        }
        Some(own)
    }

    fn add(&mut self, key: &str, name: &str, value: Value) -> Option<()> {
        self.all.insert(key.parse().ok()?, (name.to_owned(), value));
        Some(())
    }

    fn find(&self, name: &str, value: &Value) -> Option<&VariantKey> {
        self.all.iter().find(|(_, own)| own.0 == name && own.1 == *value).map(|(key, _)| key)
    }

    /// The key of a variant of the source.
    pub(super) fn key(&self, variant: &Variant) -> Option<VariantKey> {
        self.find(&variant.name, &value(self.flag_type, variant.payload.as_ref())).cloned()
    }

    /// All that Unleash calls by this name.
    pub(super) fn named(&self, name: &str) -> Vec<VariantKey> {
        self.all.iter().filter(|(_, own)| own.0 == name).map(|(key, _)| key.clone()).collect()
    }

    /// What is given where no variant is: to whom the feature is enabled, or not.
    pub(super) fn none(&self) -> Option<VariantKey> {
        if self.flag_type == FlagType::Boolean { "on".parse().ok() } else { self.off() }
    }

    pub(super) fn off(&self) -> Option<VariantKey> {
        self.off.parse().ok()
    }

    pub(super) fn flag_type(&self) -> FlagType {
        self.flag_type
    }

    pub(super) fn values(&self) -> IndexMap<VariantKey, Value> {
        self.all.iter().map(|(key, (_, value))| (key.clone(), value.clone())).collect()
    }
}

/// Every variant, with where it stands.
fn all(feature: &Feature) -> impl Iterator<Item = (String, &Variant)> {
    let own = feature.variants.iter().flatten().enumerate();
    let own = own.map(|(n, variant)| (format!("variants[{n}]"), variant));
    let strategies = feature.strategies.iter().flatten().enumerate();
    own.chain(strategies.flat_map(|(m, strategy)| {
        let variants = strategy.variants.iter().flatten().enumerate();
        variants.map(move |(n, variant)| (format!("strategies[{m}].variants[{n}]"), variant))
    }))
}

/// Objects where all payloads are, numbers where all are, or else texts.
fn flag_type(feature: &Feature) -> FlagType {
    let all_are = |of: FlagType| {
        let mut payloads = all(feature).filter_map(|(_, variant)| variant.payload.as_ref()).peekable();
        payloads.peek().is_some() && payloads.all(|payload| parsed(of, payload).is_some())
    };
    [FlagType::Object, FlagType::Float].into_iter().find(|of| all_are(*of)).unwrap_or(FlagType::String)
}

fn parsed(flag_type: FlagType, payload: &Payload) -> Option<Value> {
    match (flag_type, payload.kind.as_str()) {
        (FlagType::Object, "json") => serde_json::from_str(&payload.value).ok().filter(|value: &Value| {
            (value.is_object() || value.is_array()) && is_flat(value, MAX_PAYLOAD_DEPTH)
        }),
        (FlagType::Float, "number") => {
            payload.value.trim().parse().ok().and_then(Number::from_f64).map(Value::Number)
        }
        _ => None,
    }
}

/// Whether a value nests no deeper.
fn is_flat(value: &Value, depth: usize) -> bool {
    match value {
        Value::Array(parts) => depth > 0 && parts.iter().all(|part| is_flat(part, depth - 1)),
        Value::Object(fields) => depth > 0 && fields.values().all(|part| is_flat(part, depth - 1)),
        _ => true,
    }
}

fn value(flag_type: FlagType, payload: Option<&Payload>) -> Value {
    let Some(payload) = payload else { return Value::Null };
    parsed(flag_type, payload).unwrap_or_else(|| Value::String(payload.value.clone()))
}
