//! Random flag definitions and contexts, the same ones for the same seed.
//!
//! They keep to what flagd's engines agree about: no comparison across types that one lets pass and another does
//! not. Those are tried one by one, with what each makes of them.

use serde_json::{Value, json};

/// SplitMix64 (G. Steele, D. Lea, C. Flood, 2014).
pub struct Random(u64);

const TEXTS: [&str; 12] =
    ["", "a", "b", "ab", "abc", "GB", "pro", "kim@example.com", "é", "xöäü", "u-17", "A"];
const NUMBERS: [f64; 9] = [0.0, 1.0, 2.0, -1.0, 3.5, 10.0, 100.0, -0.5, 7.0];
const VERSIONS: [&str; 8] = ["1.0.0", "1.2.3", "2.0.0", "2.0.0-rc.1", "0.9.0", "10.0.0", "nope", "1.2.3.4"];
const VARIANTS: [&str; 4] = ["a", "b", "c", "none"];

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let n = usize::try_from(self.below(from.len() as u64)).unwrap();
        from[n]
    }

    pub fn some<T>(&mut self, most: u64, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..=self.below(most)).map(|_| make(self)).collect()
    }

    /// A key to draw by, and how it is written.
    pub fn key(&mut self) -> (Value, String) {
        match self.below(8) {
            0 => {
                let number = self.below(1 << 40).cast_signed() - (1 << 39);
                (json!(number), number.to_string())
            }
            1 => {
                // Halves are the same in every notation.
                let halves = f64::from(u32::try_from(self.below(1 << 20)).unwrap()) + 0.5;
                (json!(halves), halves.to_string())
            }
            2 => {
                let value = self.one_in(2);
                (json!(value), value.to_string())
            }
            3 => {
                let text = self.pick(&TEXTS).repeat(1 + usize::try_from(self.below(40)).unwrap());
                (json!(text), text)
            }
            _ => {
                let text = format!("{}-{:x}", self.pick(&["user", "device", "é", ""]), self.next());
                (json!(text), text)
            }
        }
    }

    pub fn context(&mut self) -> Value {
        let mut context = serde_json::Map::new();
        let mut put = |random: &mut Self, name: &str, value: Value| {
            if !random.one_in(4) {
                context.insert(name.to_owned(), value);
            }
        };
        for name in ["s", "t"] {
            let text = json!(self.pick(&TEXTS));
            put(self, name, text);
        }
        for name in ["n", "m"] {
            let number = json!(self.pick(&NUMBERS));
            put(self, name, number);
        }
        let flag = json!(self.one_in(2));
        put(self, "flag", flag);
        let version = json!(self.pick(&VERSIONS));
        put(self, "version", version);
        let tags = json!(self.some(3, |random| random.pick(&TEXTS)));
        put(self, "tags", tags);
        let numbers = json!(self.some(3, |random| random.pick(&NUMBERS)));
        put(self, "numbers", numbers);
        let user = json!({"name": self.pick(&TEXTS), "age": self.pick(&NUMBERS), "home": {"city": self.pick(&TEXTS)}});
        put(self, "user", user);
        // Anything at all, for what compares strictly.
        let any = match self.below(5) {
            0 => json!(self.pick(&TEXTS)),
            1 => json!(self.pick(&NUMBERS)),
            2 => json!(self.one_in(2)),
            3 => json!([self.pick(&TEXTS), self.pick(&NUMBERS)]),
            _ => json!({"inner": 1}),
        };
        put(self, "any", any);
        let key = json!(format!("u-{}", self.below(1000)));
        put(self, "targetingKey", key);
        context.into()
    }

    /// A definition with one flag, `f`.
    pub fn definition(&mut self) -> Value {
        let mut staff = self.condition(1);
        while staff.to_string().contains("$ref") {
            staff = self.condition(1);
        }
        let targeting = self.outcome(3);
        let state = if self.one_in(30) { "DISABLED" } else { "ENABLED" };
        json!({"flags": {"f": {"state": state, "defaultVariant": "none", "targeting": targeting,
            "variants": {"a": "A", "b": "B", "c": "C", "none": "N", "true": "T", "false": "F"}}},
            "$evaluators": {"shared": staff}})
    }

    fn outcome(&mut self, depth: u64) -> Value {
        match self.below(if depth == 0 { 5 } else { 12 }) {
            0..=2 => json!(self.pick(&VARIANTS)),
            3 => json!(null),
            4 if self.one_in(4) => json!("nobody"),
            4 => json!(self.one_in(2)),
            5..=8 => {
                let mut parts: Vec<Value> = Vec::new();
                for _ in 0..=self.below(3) {
                    parts.push(self.condition(2));
                    parts.push(self.outcome(depth - 1));
                }
                if !self.one_in(3) {
                    parts.push(self.outcome(depth - 1));
                }
                json!({"if": parts})
            }
            9 | 10 => self.draw(depth),
            _ => {
                // Of what is no text, these give nothing to flagd and false to its engine for Rust.
                let mut condition = self.condition(2);
                while ["s_with", "$ref"].iter().any(|name| condition.to_string().contains(name)) {
                    condition = self.condition(2);
                }
                condition
            }
        }
    }

    fn draw(&mut self, depth: u64) -> Value {
        let key = match self.below(6) {
            0 | 1 => None,
            2 => Some(json!({"var": self.pick(&["s", "user.name", "n", "flag"])})),
            3 => {
                Some(json!({"cat": [{"var": "$flagd.flagKey"}, {"var": self.pick(&["s", "targetingKey"])}]}))
            }
            4 => Some(json!({"cat": ["seed", {"var": "s"}, {"var": "t"}]})),
            _ => Some(json!({"cat": [{"var": "s"}, "-", {"var": "t"}]})),
        };
        let parts = self.some(3, |random| {
            let drawn = match random.below(12) {
                0 => json!(null),
                1 => json!(random.one_in(2)),
                2 if depth > 1 => {
                    json!({"if": [random.condition(1), random.pick(&VARIANTS), random.pick(&VARIANTS)]})
                }
                3 if depth > 1 => json!({"var": "s"}),
                _ => json!(random.pick(&VARIANTS)),
            };
            match random.below(8) {
                0 => json!([drawn]),
                1 => json!([drawn, 0]),
                2 if depth > 1 => json!([drawn, {"if": [random.condition(1), 70, 10]}]),
                3 if depth > 1 => json!([drawn, {"*": [{"var": ["n", 1]}, 10]}]),
                _ => json!([drawn, random.below(100)]),
            }
        });
        let given: Vec<Value> = key.into_iter().chain(parts).collect();
        json!({"fractional": given})
    }

    fn number(&mut self, depth: u64) -> Value {
        let name = self.pick(&["n", "m", "user.age"]);
        match self.below(if depth == 0 { 2 } else { 6 }) {
            0 => json!(self.pick(&NUMBERS)),
            // Without one there is none to reckon with, about which engines differ.
            1 => json!({"var": [name, 1]}),
            n => {
                let (a, b) = (self.number(depth - 1), self.number(depth - 1));
                let operator = self.pick(&["+", "-", "*", "min", "max", "%"]);
                let b = if operator == "%" { json!(7) } else { b };
                if n == 5 { json!({"-": [a]}) } else { json!({operator: [a, b]}) }
            }
        }
    }

    fn text(&mut self, depth: u64) -> Value {
        match self.below(if depth == 0 { 2 } else { 4 }) {
            0 => json!(self.pick(&TEXTS)),
            1 => json!({"var": self.pick(&["s", "t", "user.name", "user.home.city"])}),
            2 => json!({"cat": self.some(2, |random| random.text(depth - 1))}),
            _ => {
                json!({"substr": [self.text(depth - 1), self.below(4).cast_signed() - 2, self.below(4).cast_signed() - 1]})
            }
        }
    }

    fn condition(&mut self, depth: u64) -> Value {
        if depth > 0 && self.one_in(3) {
            let inner = depth - 1;
            return match self.below(5) {
                0 => json!({"and": self.some(3, |random| random.condition(inner))}),
                1 => json!({"or": self.some(3, |random| random.condition(inner))}),
                2 => json!({"!": [self.condition(inner)]}),
                3 => json!({"!!": [self.condition(inner)]}),
                _ => json!({"if": [self.condition(inner), self.condition(inner), self.condition(inner)]}),
            };
        }
        // Texts that no engine takes for a number, and that are not empty.
        let word = |random: &mut Self| random.pick(&TEXTS[1..]);
        let equals = |random: &mut Self| random.pick(&["==", "!=", "===", "!=="]);
        match self.below(19) {
            0 => json!({equals(self): [{"var": self.pick(&["s", "user.name"])}, word(self)]}),
            1 => json!({equals(self): [word(self), {"var": "t"}]}),
            2 => json!({self.pick(&["===", "!=="]): [{"var": "any"}, self.pick(&NUMBERS)]}),
            3 => json!({self.pick(&["===", "!=="]): [{"var": "any"}, self.pick(&TEXTS)]}),
            4 => json!({self.pick(&["===", "!=="]): [{"var": "any"}, self.one_in(2)]}),
            5 => json!({"==": [{"var": "flag"}, true]}),
            6 => json!({self.pick(&["==", "!=", "<", "<=", ">", ">="]): [self.number(2), self.number(1)]}),
            7 => json!({self.pick(&["<", "<="]): [self.number(1), self.number(1), self.number(1)]}),
            8 => {
                json!({self.pick(&["<", "<=", ">", ">="]): [{"cat": [self.text(1)]}, {"cat": [self.text(1)]}]})
            }
            9 => json!({"in": [{"var": "any"}, [self.pick(&TEXTS), self.pick(&NUMBERS), true]]}),
            10 => json!({"in": [self.pick(&TEXTS), {"var": self.pick(&["s", "tags", "any"])}]}),
            11 => json!({"in": [self.number(1), {"var": "numbers"}]}),
            12 => {
                json!({self.pick(&["starts_with", "ends_with"]): [{"var": self.pick(&["s", "any"])}, self.pick(&TEXTS)]})
            }
            13 | 14 => {
                let how = self.pick(&["=", "!=", "<", "<=", ">", ">=", "^", "~", "x"]);
                json!({"sem_ver": [{"var": "version"}, how, self.pick(&VERSIONS)]})
            }
            15 => {
                json!({"!!": {"missing": [self.pick(&["s", "user.name", "user", "any"]), self.pick(&["n", "gone"])]}})
            }
            16 => json!({"$ref": "shared"}),
            17 => {
                let test = json!({"===": [{"var": ""}, self.pick(&TEXTS)]});
                json!({self.pick(&["some", "all", "none"]): [{"var": "tags"}, test]})
            }
            _ => json!({"!!": [{"var": self.pick(&["s", "n", "flag", "tags", "any", "user.home"])}]}),
        }
    }
}
