//! Reading: JSON to a tree in which everything that can be known beforehand is.

use serde_json::Value as Json;

use super::{Arithmetic, Constant, Fractional, Node, Order, Place, Quantifier, Sought, Variable, numbers};
use crate::{
    limits::{MAX_CONDITION_VALUES, MAX_LOGIC_DEPTH, MAX_LOGIC_NODES, MAX_VARIANTS},
    model::HashAlgorithm,
    problem::Problem,
    ruleset::Source,
};

/// How many arguments an operator takes, where flagd's schema limits them.
const ARITIES: [(&str, usize, usize); 34] = [
    ("var", 0, 2),
    ("missing", 0, usize::MAX),
    ("missing_some", 2, 2),
    ("if", 1, usize::MAX),
    ("?:", 1, usize::MAX),
    ("==", 2, 2),
    ("===", 2, 2),
    ("!=", 2, 2),
    ("!==", 2, 2),
    ("!", 1, 1),
    ("!!", 1, 1),
    ("and", 1, usize::MAX),
    ("or", 1, usize::MAX),
    ("<", 2, 3),
    ("<=", 2, 3),
    (">", 2, 2),
    (">=", 2, 2),
    ("min", 1, usize::MAX),
    ("max", 1, usize::MAX),
    ("+", 1, usize::MAX),
    ("-", 1, 2),
    ("*", 1, usize::MAX),
    ("/", 2, 2),
    ("%", 2, 2),
    ("in", 2, 2),
    ("cat", 0, usize::MAX),
    ("substr", 2, 3),
    ("merge", 0, usize::MAX),
    ("all", 2, 2),
    ("none", 2, 2),
    ("some", 2, 2),
    ("starts_with", 0, usize::MAX),
    ("ends_with", 0, usize::MAX),
    ("sem_ver", 0, usize::MAX),
];
/// Usher's own form of flagd's draws: the key always comes first, and it may be a list in the second.
const FRACTIONAL: &str = "fractional";
const FRACTIONAL_CBOR: &str = "fractionalCbor";

pub(super) fn compile(logic: &Json) -> Result<(Node, bool), Problem> {
    let mut reader = Reader { nodes: 0, is_of_venue: true, in_quantifier: false };
    let root = reader.node(logic, 1)?;
    Ok((root, reader.is_of_venue))
}

struct Reader {
    nodes: usize,
    is_of_venue: bool,
    in_quantifier: bool,
}

impl Reader {
    fn node(&mut self, json: &Json, depth: usize) -> Result<Node, Problem> {
        if depth > MAX_LOGIC_DEPTH {
            let mend = format!("Nest at most {MAX_LOGIC_DEPTH} deep.");
            return Err(Problem::new("", "…", "this expression nests too deeply", mend));
        }
        Ok(match json {
            Json::Null => Node::Constant(Constant::Null),
            Json::Bool(value) => Node::Constant(Constant::Bool(*value)),
            Json::Number(number) => Node::Constant(Constant::Number(number.as_f64().unwrap_or(f64::NAN))),
            Json::String(text) => Node::Constant(Constant::Text(text.as_str().into())),
            Json::Array(values) => self.list(values, depth)?,
            Json::Object(fields) => {
                let mut fields = fields.iter();
                match (fields.next(), fields.next()) {
                    (Some((operator, arguments)), None) => self.operation(operator, arguments, depth)?,
                    _ => {
                        let detail = "an operation is an object with exactly one key, its operator";
                        return Err(Problem::new("", json, detail, "Give one operator with its arguments."));
                    }
                }
            }
        })
    }

    fn list(&mut self, values: &[Json], depth: usize) -> Result<Node, Problem> {
        if values.len() > MAX_CONDITION_VALUES {
            let mend = format!("Keep at most {MAX_CONDITION_VALUES}.");
            return Err(Problem::new("", values.len(), "too many values", mend));
        }
        let parts = self.parts("", values, depth)?;
        if !parts.iter().all(|part| matches!(part, Node::Constant(_))) {
            return Ok(Node::List(parts));
        }
        let constants = parts.into_iter().filter_map(|part| match part {
            Node::Constant(constant) => Some(constant),
            _ => None,
        });
        Ok(Node::Constant(Constant::List(constants.collect())))
    }

    fn parts(&mut self, at: &str, values: &[Json], depth: usize) -> Result<Box<[Node]>, Problem> {
        let read =
            |(n, value)| self.node(value, depth + 1).map_err(|found| found.within(&format!("{at}[{n}]")));
        values.iter().enumerate().map(read).collect()
    }

    fn operation(&mut self, operator: &str, arguments: &Json, depth: usize) -> Result<Node, Problem> {
        self.nodes += 1;
        if self.nodes > MAX_LOGIC_NODES {
            let mend = format!("Keep at most {MAX_LOGIC_NODES}.");
            return Err(Problem::new("", self.nodes, "too many operations in one expression", mend));
        }
        let wrong = |detail: String, mend: &str| Problem::new(operator, arguments, detail, mend);
        let given = match arguments {
            Json::Array(values) => values.as_slice(),
            single => std::slice::from_ref(single),
        };
        if operator == FRACTIONAL || operator == FRACTIONAL_CBOR {
            return self.fractional(operator, given, depth);
        }
        let Some((_, least, most)) = ARITIES.iter().find(|(known, ..)| *known == operator) else {
            let detail = format!("the operator `{operator}` is not supported");
            return Err(wrong(detail, "Use JSONLogic's operators but map, filter, reduce, log and method."));
        };
        if !(*least..=*most).contains(&given.len()) {
            let detail = format!("`{operator}` does not take {} arguments", given.len());
            return Err(wrong(detail, "Give as many as the operator takes."));
        }
        match operator {
            "var" => return self.variable(given, depth).map_err(|found| found.within("var")),
            "missing" => return Ok(Node::Missing(self.names(operator, given)?)),
            "missing_some" => {
                let needed = given[0].as_f64();
                let listed = given[1].as_array();
                let (Some(needed), Some(listed)) = (needed, listed) else {
                    let mend = "Write them out, `[1, [\"email\", \"phone\"]]`.";
                    return Err(wrong("`missing_some` takes a number and a list of names".to_owned(), mend));
                };
                return Ok(Node::MissingSome { names: self.names(operator, listed)?, needed });
            }
            "all" | "none" | "some" => return self.quantifier(operator, given, depth),
            _ => {}
        }
        let parts = self.parts(operator, given, depth)?;
        // flagd's own operators give nothing where JSONLogic's would not make sense.
        let wanted = match operator {
            "starts_with" | "ends_with" => 2,
            "sem_ver" => 3,
            _ => given.len(),
        };
        if given.len() != wanted {
            return Ok(Node::Constant(Constant::Null));
        }
        Ok(match operator {
            "if" | "?:" => Node::If(parts),
            "and" => Node::And(parts),
            "or" => Node::Or(parts),
            "cat" => Node::Cat(parts),
            "substr" => Node::Substr(parts),
            "merge" => Node::Merge(parts),
            "<" => Node::Order { parts, order: Order::Less },
            "<=" => Node::Order { parts, order: Order::LessOrEqual },
            ">" => Node::Order { parts, order: Order::Greater },
            ">=" => Node::Order { parts, order: Order::GreaterOrEqual },
            "+" => Node::Arithmetic { parts, how: Arithmetic::Add },
            "-" => Node::Arithmetic { parts, how: Arithmetic::Subtract },
            "*" => Node::Arithmetic { parts, how: Arithmetic::Multiply },
            "/" => Node::Arithmetic { parts, how: Arithmetic::Divide },
            "%" => Node::Arithmetic { parts, how: Arithmetic::Modulo },
            "min" => Node::Arithmetic { parts, how: Arithmetic::Min },
            "max" => Node::Arithmetic { parts, how: Arithmetic::Max },
            "sem_ver" => match <Box<[Node; 3]>>::try_from(parts) {
                Ok(parts) => Node::SemVer(parts),
                Err(_) => return Err(wrong("`sem_ver` takes three arguments".to_owned(), "Give three.")),
            },
            "!" | "!!" => match parts.into_iter().next() {
                Some(node) => Node::Truth { node: Box::new(node), wanted: operator == "!!" },
                None => Node::Constant(Constant::Bool(operator == "!")),
            },
            _ => {
                let Ok(sides) = <Box<[Node; 2]>>::try_from(parts) else {
                    return Err(wrong(format!("`{operator}` takes two arguments"), "Give two."));
                };
                match operator {
                    "in" => Node::In(sides),
                    "starts_with" => Node::Affix { sides, at_end: false },
                    "ends_with" => Node::Affix { sides, at_end: true },
                    _ => {
                        Node::Equal { sides, strict: operator.len() == 3, wanted: operator.starts_with('=') }
                    }
                }
            }
        })
    }

    fn variable(&mut self, given: &[Json], depth: usize) -> Result<Node, Problem> {
        let name = match given.first() {
            None | Some(Json::Null) => String::new(),
            Some(Json::String(name)) => name.clone(),
            Some(Json::Number(number)) => {
                let mut name = String::new();
                numbers::write(number.as_f64().unwrap_or_default(), &mut name);
                name
            }
            Some(other) => {
                let mend = "Write the name out.";
                return Err(Problem::new("", other, "the name of a variable can't be an expression", mend));
            }
        };
        let default = match given.get(1) {
            Some(default) => Some(self.node(default, depth + 1)?),
            None => None,
        };
        match name.as_str() {
            "" if self.in_quantifier => return Ok(Node::Element),
            "" | "$flagd" => {
                self.is_of_venue = false;
                return Ok(Node::Context);
            }
            "$flagd.timestamp" => {
                self.is_of_venue = false;
                return Ok(Node::Now);
            }
            _ if name.starts_with("$flagd.") => {
                let detail = format!("`{name}` is not known here");
                return Err(Problem::new("", name, detail, "Write its value, or use `$flagd.timestamp`."));
            }
            _ if self.in_quantifier => {
                let detail = "the elements of lists have no fields here: contexts keep lists of plain values";
                return Err(Problem::new("", name, detail, "Ask for the element itself, `{\"var\": \"\"}`."));
            }
            _ => {}
        }
        let place = self.place(&name);
        Ok(Node::Variable(Box::new(Variable { place, default })))
    }

    fn place(&mut self, name: &str) -> Place {
        let source = Source::new(name);
        self.is_of_venue &= source.is_of_venue();
        let mut lists = Vec::new();
        let mut indices = Vec::new();
        let mut list = name;
        while let Some((front, index)) = list.rsplit_once('.') {
            let Some(index) = index.parse().ok().filter(|number: &usize| number.to_string() == index) else {
                break;
            };
            indices.insert(0, index);
            lists.push((front.into(), indices.clone().into()));
            list = front;
            // A list in a list in a list is as deep as anybody goes.
            if indices.len() == 4 {
                break;
            }
        }
        Place { source, within: format!("{name}.").into(), lists: lists.into() }
    }

    /// Names that are written out, one by one or as one list.
    fn names(&mut self, operator: &str, given: &[Json]) -> Result<Box<[Sought]>, Problem> {
        let listed = match given {
            [Json::Array(listed)] => listed.as_slice(),
            several => several,
        };
        let mut names = Vec::with_capacity(listed.len());
        for name in listed {
            let Json::String(name) = name else {
                let detail = format!("the names that `{operator}` looks for can't be expressions");
                return Err(Problem::new(operator, name, detail, "Write the names out."));
            };
            names.push(Sought { name: name.as_str().into(), place: self.place(name) });
        }
        self.nodes += names.len();
        Ok(names.into())
    }

    fn quantifier(&mut self, operator: &str, given: &[Json], depth: usize) -> Result<Node, Problem> {
        if self.in_quantifier {
            // Their times would multiply.
            let detail = format!("`{operator}` can't stand within another `all`, `none` or `some`");
            return Err(Problem::new(operator, "…", detail, "Ask for the one after the other."));
        }
        let within = |found: Problem, n: usize| found.within(&format!("{operator}[{n}]"));
        let list = self.node(&given[0], depth + 1).map_err(|found| within(found, 0))?;
        self.in_quantifier = true;
        let test = self.node(&given[1], depth + 1).map_err(|found| within(found, 1))?;
        self.in_quantifier = false;
        let which = match operator {
            "all" => Quantifier::All,
            "none" => Quantifier::None,
            _ => Quantifier::Some,
        };
        Ok(Node::Quantifier { list: Box::new(list), test: Box::new(test), which })
    }

    fn fractional(&mut self, operator: &str, given: &[Json], depth: usize) -> Result<Node, Problem> {
        let wrong = |at: usize, detail: &str| {
            let found = given.get(at).map_or_else(|| "nothing".to_owned(), Json::to_string);
            let mend = "Give the key, then lists of what is drawn and its weight.";
            Problem::new(format!("{operator}[{at}]"), found, detail, mend)
        };
        let Some((key, drawn)) = given.split_first() else { return Err(wrong(0, "a draw needs a key")) };
        if drawn.len() > MAX_VARIANTS {
            return Err(wrong(MAX_VARIANTS + 1, "too many parts of a draw"));
        }
        let key = self.node(key, depth + 1).map_err(|found| found.within(&format!("{operator}[0]")))?;
        let mut parts = Vec::with_capacity(drawn.len());
        for (n, part) in drawn.iter().enumerate() {
            let Some([drawn, rest @ ..]) = part.as_array().map(Vec::as_slice) else {
                return Err(wrong(n + 1, "a part of a draw is a list: what is drawn, and its weight"));
            };
            let at = |found: Problem, m: usize| found.within(&format!("{operator}[{}][{m}]", n + 1));
            let drawn = self.node(drawn, depth + 1).map_err(|found| at(found, 0))?;
            let weight = match rest.first() {
                Some(weight) => Some(self.node(weight, depth + 1).map_err(|found| at(found, 1))?),
                None => None,
            };
            parts.push((drawn, weight));
        }
        let hash = if operator == FRACTIONAL_CBOR {
            HashAlgorithm::Murmur3FlagdCbor
        } else {
            HashAlgorithm::Murmur3Flagd
        };
        Ok(Node::Fractional(Box::new(Fractional { hash, key, parts: parts.into() })))
    }
}
