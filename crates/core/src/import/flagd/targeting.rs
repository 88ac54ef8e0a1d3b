//! Targeting: an expression that gives a variant's name, as rules in order.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::{
    Options, Refusal,
    choices::{first_choice, name, outcomes, taken_apart},
    conditions::Conditions,
    draws, operation, within,
};
use crate::{
    import::{all_of, not, report::Notes},
    limits::MAX_RULES,
    model::{Condition, Rule, Serve, Split, VariantKey, WeightedVariant},
};

/// How deep branches may lie in one another.
const MAX_DEPTH: usize = 64;
/// Parts of conditions that the rules of one flag have together: a branch repeats what led to it.
const MAX_PARTS: usize = 50_000;
/// A draw with choices in it is taken apart into so many draws, one for each way to choose; where it would be more, it
/// stays an expression.
const MAX_WAYS: usize = 32;

pub(super) struct Targeting<'f> {
    variants: &'f IndexMap<VariantKey, Value>,
    default: Option<&'f VariantKey>,
    code_default: &'f VariantKey,
    conditions: Conditions<'f>,
    rules: Vec<Rule>,
    parts: usize,
    /// Whether something gives the code's default.
    gives_code_default: bool,
    /// Names that are given and are no variant's.
    unknown: HashSet<String>,
    notes: &'f mut Notes,
}

impl<'f> Targeting<'f> {
    pub(super) fn new(
        flag: &'f str,
        variants: &'f IndexMap<VariantKey, Value>,
        default: Option<&'f VariantKey>,
        code_default: &'f VariantKey,
        options: &'f Options,
        notes: &'f mut Notes,
    ) -> Self {
        let conditions = Conditions::new(flag, options);
        Self {
            variants,
            default,
            code_default,
            conditions,
            rules: Vec::new(),
            parts: 0,
            gives_code_default: false,
            unknown: HashSet::new(),
            notes,
        }
    }

    /// Reads it whole.
    pub(super) fn read(&mut self, source: &Value) -> Result<(), Refusal> {
        self.outcome(source, &mut Vec::new(), "targeting", 0)?;
        if self.rules.is_empty() {
            // Targeting that gives nothing to anybody is targeting all the same: the reason is not `STATIC`.
            let default = self.otherwise().clone();
            self.serve(Serve::Variant(default), &[Condition::Any(Vec::new())], "targeting")?;
            self.notes.mapped(
                "targeting",
                "it gives nothing to anybody, and is kept as a rule that matches nobody",
            );
        }
        Ok(())
    }

    /// The rules, and whether one of them gives the code's default.
    pub(super) fn finish(self) -> (Vec<Rule>, bool) {
        if let [first, others @ ..] = self.conditions.kept.as_slice() {
            let others = match others.len() {
                0 => String::new(),
                1 => ", as is one other of this flag".to_owned(),
                others => format!(", as are {others} others of this flag"),
            };
            let text = "it has no exact counterpart among Usher's conditions and is kept as JSONLogic";
            self.notes.mapped(first, format!("{text}{others}"));
        }
        if self.conditions.venue {
            let text = "`venue.…` are fields of the venue here, and `venue` its key: what a context says of them itself \
                        does not count; give the attribute another name as you import it";
            self.notes.approximated("targeting", text);
        }
        let needs = self.gives_code_default || self.default.is_none();
        (self.rules, needs)
    }

    /// Adds the rules for what `value` gives to the contexts that all of `guard` holds for. Whether it gives nothing
    /// to some of them: they get the default, and no rule behind these may match them.
    fn outcome(
        &mut self,
        value: &Value,
        guard: &mut Vec<Condition>,
        at: &str,
        depth: usize,
    ) -> Result<bool, Refusal> {
        if depth > MAX_DEPTH {
            return Err(Refusal::new(at, "branches lie too deep in one another"));
        }
        let Some((operator, parts)) = operation(value) else { return self.constant(value, guard, at) };
        match operator {
            "if" | "?:" => self.choice(operator, parts, guard, at, depth),
            "fractional" => self.draw(value, parts, guard, at, depth),
            "==" | "===" | "!=" | "!==" | "!" | "!!" | "<" | "<=" | ">" | ">=" | "in" | "all" | "none"
            | "some" => {
                let holds = self.conditions.read(value, at)?;
                self.under(guard, holds, |targeting, guard| targeting.serve_named("true", guard, at))?;
                self.serve_named("false", guard, at)?;
                Ok(false)
            }
            "starts_with" | "ends_with" | "sem_ver" => {
                let holds = self.conditions.read(value, at)?;
                self.under(guard, holds, |targeting, guard| targeting.serve_named("true", guard, at))?;
                // What can't be compared is null, not false.
                let fails = self.conditions.read(&json!({"===": [value, false]}), at)?;
                self.under(guard, fails, |targeting, guard| targeting.serve_named("false", guard, at))?;
                Ok(true)
            }
            _ => self.computed(value, guard, at),
        }
    }

    fn under<T>(
        &mut self,
        guard: &mut Vec<Condition>,
        condition: Condition,
        then: impl FnOnce(&mut Self, &mut Vec<Condition>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        guard.push(condition);
        let done = then(self, guard);
        guard.pop();
        done
    }

    /// `if`: each branch for those whom no branch before it was for.
    fn choice(
        &mut self,
        operator: &str,
        parts: &[Value],
        guard: &mut Vec<Condition>,
        at: &str,
        depth: usize,
    ) -> Result<bool, Refusal> {
        if parts.is_empty() {
            return Err(Refusal::new(at, format!("`{operator}` needs arguments")));
        }
        let outer = guard.len();
        let mut leaves_some = false;
        let mut done = false;
        for (n, pair) in parts.chunks(2).enumerate() {
            let (condition, then) = match pair {
                [condition, then] => (condition, then),
                [otherwise] => {
                    leaves_some |= self.outcome(otherwise, guard, &within(at, operator, 2 * n), depth + 1)?;
                    done = true;
                    break;
                }
                _ => break,
            };
            let condition = self.conditions.read(condition, &within(at, operator, 2 * n))?;
            match &condition {
                Condition::Any(none) if none.is_empty() => continue,
                Condition::All(none) if none.is_empty() => {
                    leaves_some |= self.outcome(then, guard, &within(at, operator, 2 * n + 1), depth + 1)?;
                    done = true;
                    break;
                }
                _ => {}
            }
            let left = self.under(guard, condition.clone(), |targeting, guard| {
                targeting.outcome(then, guard, &within(at, operator, 2 * n + 1), depth + 1)
            })?;
            if left {
                leaves_some = true;
                guard.push(not(condition));
            }
        }
        guard.truncate(outer);
        Ok(leaves_some || !done)
    }

    /// A value that is written out.
    fn constant(&mut self, value: &Value, guard: &[Condition], at: &str) -> Result<bool, Refusal> {
        match name(value) {
            Some(name) => self.serve_named(&name, guard, at).map(|()| false),
            None if value.is_null() => Ok(true),
            None => {
                Err(Refusal::new(at, "targeting gives a variant's name, and this is a list or an object"))
            }
        }
    }

    fn serve_named(&mut self, name: &str, guard: &[Condition], at: &str) -> Result<(), Refusal> {
        let variant = self.named(name, at);
        self.serve(Serve::Variant(variant), guard, at)
    }

    /// The variant of a name; the code's default, for one that there is not.
    fn named(&mut self, name: &str, at: &str) -> VariantKey {
        if let Some((key, _)) = self.variants.get_key_value(name) {
            return key.clone();
        }
        self.gives_code_default = true;
        // Once for each name, however often it is given.
        if self.unknown.insert(name.to_owned()) {
            let shown: String = name.chars().take(80).collect();
            let text = "is none of the flag's variants: flagd answers with an error, here the code's default is \
                        given without one";
            self.notes.approximated(at, format!("`{shown}` {text}"));
        }
        self.code_default.clone()
    }

    fn serve(&mut self, serve: Serve, guard: &[Condition], at: &str) -> Result<(), Refusal> {
        if self.rules.len() == MAX_RULES {
            return Err(Refusal::new(at, format!("it takes more than {MAX_RULES} rules")));
        }
        self.parts += guard.iter().map(parts_of).sum::<usize>();
        if self.parts > MAX_PARTS {
            return Err(Refusal::new(at, "its branches repeat too much of what leads to them"));
        }
        let id = format!("targeting-{}", self.rules.len() + 1);
        let id = id.parse().map_err(|why: String| Refusal::new(at, why))?;
        let condition = (!guard.is_empty()).then(|| all_of(guard.to_vec()));
        self.rules.push(Rule { id, name: String::new(), condition, rollout: None, serve, dark: false });
        Ok(())
    }

    fn draw(
        &mut self,
        value: &Value,
        given: &[Value],
        guard: &mut Vec<Condition>,
        at: &str,
        depth: usize,
    ) -> Result<bool, Refusal> {
        let (by, parts) = draws::arguments(given);
        if let Some(Err(())) = draws::weighted(parts) {
            self.notes.mapped(at, "its weights are no weights, or all zero: everybody gets the default");
            return Ok(true);
        }
        let offset = given.len() - parts.len();
        if let Some((n, m, ways)) = first_choice(parts)
            && ways <= MAX_WAYS
        {
            self.parts += size_of(value);
            if self.parts > MAX_PARTS {
                return Err(Refusal::new(at, "the draw is too large to be taken apart"));
            }
            let apart = taken_apart(given, n + offset, m);
            return self.outcome(&apart, guard, at, depth + 1);
        }
        let key = draws::key(self.conditions.flag, by, self.conditions.fractional);
        let (Some(key), Some(Ok(weighted))) = (key, draws::weighted(parts)) else {
            return self.computed(value, guard, at);
        };
        let mut weights = Vec::with_capacity(weighted.len());
        for (n, (drawn, weight)) in weighted.into_iter().enumerate() {
            let variant = match name(drawn) {
                Some(name) => self.named(&name, &within(at, "fractional", n + offset)),
                None if drawn.is_null() => self.otherwise().clone(),
                None => return self.computed(value, guard, at),
            };
            weights.push(WeightedVariant { variant: Some(variant), weight });
        }
        let split = Split {
            by: key.by,
            seed: key.seed,
            weights,
            hash: key.hash,
            fallback: Vec::new(),
            when_missing: key.when_missing,
            otherwise: Some(self.otherwise().clone()),
        };
        split.by.iter().for_each(|name| self.conditions.asks(name));
        self.serve(Serve::Split(split), guard, at)?;
        Ok(false)
    }

    fn otherwise(&self) -> &'f VariantKey {
        self.default.unwrap_or(self.code_default)
    }

    /// An expression whose value is known only when it is asked: a rule for each name that it may give.
    fn computed(&mut self, value: &Value, guard: &mut Vec<Condition>, at: &str) -> Result<bool, Refusal> {
        let given = outcomes(value);
        let known: Vec<VariantKey> = match &given {
            Some(given) => {
                let known = |name: &String| self.variants.get_key_value(name.as_str());
                given.iter().filter_map(known).map(|(key, _)| key.clone()).collect()
            }
            None => self.variants.keys().cloned().collect(),
        };
        let logic = |conditions: &mut Conditions<'_>, value: Value| {
            let kept = conditions.kept.len();
            let condition = conditions.read(&value, at);
            conditions.kept.truncate(kept);
            condition
        };
        // A cycle through the names of a large expression would be refused at the end only.
        self.parts += known.len() * size_of(value);
        if self.parts > MAX_PARTS {
            return Err(Refusal::new(at, "the expression is too large to be asked for each variant"));
        }
        for variant in known {
            let mut spellings = vec![json!({"===": [value, variant.as_str()]})];
            match variant.as_str() {
                "true" => spellings.push(json!({"===": [value, true]})),
                "false" => spellings.push(json!({"===": [value, false]})),
                text => {
                    let number = text.parse::<f64>().ok().filter(|number| number.to_string() == text);
                    spellings.extend(number.map(|number| json!({"===": [value, number]})));
                }
            }
            let mut conditions = Vec::with_capacity(spellings.len());
            for spelling in spellings {
                conditions.push(logic(&mut self.conditions, spelling)?);
            }
            let is_it = crate::import::any_of(conditions);
            self.under(guard, is_it, |targeting, guard| {
                targeting.serve(Serve::Variant(variant.clone()), guard, at)
            })?;
        }
        let all_known =
            given.is_some_and(|given| given.iter().all(|name| self.variants.contains_key(name.as_str())));
        if !all_known {
            let other = logic(&mut self.conditions, json!({"!==": [value, null]}))?;
            self.gives_code_default = true;
            self.notes.approximated(
                at,
                "where this gives a name that is none of the flag's variants, flagd answers with an error; here the \
                 code's default is given without one",
            );
            let code_default = self.code_default.clone();
            self.under(guard, other, |targeting, guard| {
                targeting.serve(Serve::Variant(code_default), guard, at)
            })?;
        }
        self.notes.mapped(at, "the variant is computed: there is a rule for each that it may be");
        Ok(true)
    }
}

/// How much a condition holds.
fn parts_of(condition: &Condition) -> usize {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => 1 + parts.iter().map(parts_of).sum::<usize>(),
        Condition::Not(inner) => 1 + parts_of(inner),
        Condition::Attribute(predicate) => 1 + predicate.values.len(),
        Condition::Logic(logic) => size_of(logic),
        Condition::Cohort(_) | Condition::Rollout(_) | Condition::Prerequisite(_) => 1,
    }
}

fn size_of(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(size_of).sum::<usize>(),
        Value::Object(fields) => 1 + fields.values().map(size_of).sum::<usize>(),
        Value::String(text) => 1 + text.len() / 32,
        _ => 1,
    }
}
