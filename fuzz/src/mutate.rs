//! Mutations that keep JSON what it is: without them nearly every input would end at the first brace.

use std::sync::LazyLock;

use serde_json::{Map, Value};

/// Texts that formats and documents give a meaning to.
static WORDS: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("../words.txt").lines().collect());

/// A small generator, so that a mutation follows from its seed alone (xorshift, G. Marsaglia 2003).
struct Random(u32);

impl Random {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize
    }

    fn below(&mut self, end: usize) -> usize {
        self.next() % end.max(1)
    }

    fn word(&mut self) -> String {
        WORDS[self.below(WORDS.len())].to_owned()
    }
}

/// Changes JSON text in `data` into other JSON text: a value replaced, a field renamed, doubled, moved or gone. Now and
/// then, and for what is no JSON, bytes are changed instead.
pub fn json(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut random = Random(seed | 1);
    random.next();
    let parsed = if random.below(16) == 0 { None } else { super::json(&data[..size]) };
    let Some(mut value) = parsed else { return super::mutate_bytes(data, size, max_size) };
    for _ in 0..=random.below(4) {
        let count = nodes(&value);
        let from = pick(&value, random.below(count)).clone();
        let mut at = random.below(count);
        change(&mut value, &mut at, &from, &mut random);
    }
    match serde_json::to_vec(&value) {
        Ok(text) if text.len() <= max_size => {
            data[..text.len()].copy_from_slice(&text);
            text.len()
        }
        _ => super::mutate_bytes(data, size, max_size),
    }
}

fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(nodes).sum(),
        Value::Object(fields) => fields.values().map(nodes).sum(),
        _ => 0,
    }
}

fn pick(value: &Value, mut at: usize) -> &Value {
    fn find<'v>(value: &'v Value, at: &mut usize) -> Option<&'v Value> {
        if *at == 0 {
            return Some(value);
        }
        *at -= 1;
        match value {
            Value::Array(values) => values.iter().find_map(|value| find(value, at)),
            Value::Object(fields) => fields.values().find_map(|value| find(value, at)),
            _ => None,
        }
    }
    find(value, &mut at).unwrap_or(value)
}

/// Changes the node that is `at` nodes from here; `from` is another node, to copy.
fn change(value: &mut Value, at: &mut usize, from: &Value, random: &mut Random) -> bool {
    if *at == 0 {
        *value = changed(value, from, random);
        return true;
    }
    *at -= 1;
    match value {
        Value::Array(values) => values.iter_mut().any(|value| change(value, at, from, random)),
        Value::Object(fields) => fields.values_mut().any(|value| change(value, at, from, random)),
        _ => false,
    }
}

fn changed(value: &Value, from: &Value, random: &mut Random) -> Value {
    match (value, random.below(12)) {
        (_, 0) => from.clone(),
        (_, 1) => leaf(random),
        (Value::Array(values), 2..=5) => {
            let mut values = values.clone();
            match random.below(4) {
                0 if !values.is_empty() => drop(values.remove(random.below(values.len()))),
                1 => values.push(from.clone()),
                2 => values.push(leaf(random)),
                _ if values.len() > 1 => {
                    let (a, b) = (random.below(values.len()), random.below(values.len()));
                    values.swap(a, b);
                }
                _ => {}
            }
            Value::Array(values)
        }
        (Value::Object(fields), 2..=7) => {
            let mut fields: Vec<(String, Value)> = fields.clone().into_iter().collect();
            let n = random.below(fields.len());
            match random.below(4) {
                0 if !fields.is_empty() => drop(fields.remove(n)),
                1 if !fields.is_empty() => fields[n].0 = random.word(),
                2 => fields.push((random.word(), from.clone())),
                _ => fields.push((random.word(), leaf(random))),
            }
            Value::Object(Map::from_iter(fields))
        }
        (_, 8) => Value::Array(vec![value.clone(), from.clone()]),
        (_, 9) => Value::Object(Map::from_iter([(random.word(), value.clone())])),
        (Value::String(text), 10) => Value::String(format!("{text}{}", random.word())),
        _ => leaf(random),
    }
}

fn leaf(random: &mut Random) -> Value {
    const NUMBERS: [f64; 8] = [0.0, 1.0, -1.0, 0.5, 100.0, 100_000.0, 9e15, 1e300];
    match random.below(8) {
        0 => Value::Null,
        1 => (random.below(2) == 0).into(),
        2 => NUMBERS[random.below(NUMBERS.len())].into(),
        3 => i64::try_from(random.next()).unwrap_or_default().into(),
        4 => Value::Array(Vec::new()),
        5 => Value::Object(Map::new()),
        _ => random.word().into(),
    }
}
