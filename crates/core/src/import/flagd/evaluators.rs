//! Shared evaluators: `{"$ref": "name"}` is replaced by what `$evaluators` has under that name.

use std::cell::Cell;

use serde_json::{Map, Value, json};

use super::{Refusal, operation};

/// How deep a targeting may nest once its references are replaced, as JSON.
const MAX_DEPTH: usize = 128;
/// Values of one flag's targeting, references replaced. A text counts for more, the longer it is.
const MAX_SIZE: usize = 50_000;
/// Values that references may bring in, in all flags of a file together, and besides for each flag that it has: a few
/// names can stand for very much.
const MAX_REFERRED: usize = 50_000;
const MAX_REFERRED_EACH: usize = 500;

pub(super) struct Evaluators<'s> {
    named: Option<&'s Map<String, Value>>,
    /// How much more references may bring in.
    left: Cell<usize>,
}

impl<'s> Evaluators<'s> {
    pub(super) fn new(source: Option<&'s Value>, flags: usize) -> Self {
        let most = MAX_REFERRED.saturating_add(flags.saturating_mul(MAX_REFERRED_EACH));
        Self { named: source.and_then(Value::as_object), left: Cell::new(most) }
    }

    /// `targeting` with all references replaced, and the flag's own key where it asks for it.
    pub(super) fn resolved(&self, targeting: &Value, flag: &str) -> Result<Value, Refusal> {
        let mut resolver = Resolver { evaluators: self, flag, names: Vec::new(), size: 0 };
        resolver.value(targeting, 0)
    }
}

struct Resolver<'r, 's> {
    evaluators: &'r Evaluators<'s>,
    flag: &'r str,
    /// The references that led here.
    names: Vec<&'s str>,
    size: usize,
}

impl Resolver<'_, '_> {
    fn value(&mut self, value: &Value, depth: usize) -> Result<Value, Refusal> {
        let size = 1 + value.as_str().map_or(0, |text| text.len() / 32);
        self.size += size;
        if depth > MAX_DEPTH || self.size > MAX_SIZE {
            return Err(Refusal::new("targeting", "the targeting is too large or nests too deeply"));
        }
        if !self.names.is_empty() {
            let left = &self.evaluators.left;
            left.set(left.get().saturating_sub(size));
            if left.get() == 0 {
                let text = "the references of this file stand for more than an import takes in";
                return Err(Refusal::new("$evaluators", text));
            }
        }
        match operation(value) {
            Some(("$ref", [Value::String(name)])) => return self.reference(name, depth),
            Some(("var", [Value::String(name), ..])) if name == "$flagd.flagKey" => {
                return Ok(json!(self.flag));
            }
            _ => {}
        }
        Ok(match value {
            Value::Array(values) => {
                values.iter().map(|value| self.value(value, depth + 1)).collect::<Result<_, _>>()?
            }
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| {
                    self.size += name.len() / 32;
                    Ok((name.clone(), self.value(value, depth + 1)?))
                });
                Value::Object(fields.collect::<Result<_, Refusal>>()?)
            }
            scalar => scalar.clone(),
        })
    }

    fn reference(&mut self, name: &str, depth: usize) -> Result<Value, Refusal> {
        let named = self.evaluators.named.and_then(|named| named.get_key_value(name));
        let Some((name, evaluator)) = named else {
            return Err(Refusal::new("targeting", format!("there is no evaluator `{name}`")));
        };
        if self.names.contains(&name.as_str()) {
            let text = format!("the evaluator `{name}` refers to itself");
            return Err(Refusal::new(format!("$evaluators.{name}"), text));
        }
        self.names.push(name);
        let resolved = self.value(evaluator, depth + 1)?;
        self.names.pop();
        Ok(resolved)
    }
}
