//! JSONLogic expressions, compiled: what imported flags ask that Usher's own conditions don't have.
//!
//! The operators are those of jsonlogic.com and flagd's `starts_with`, `ends_with`, `sem_ver` and `fractional`. Values
//! behave as JSONLogic's reference in JavaScript lets them. Where flagd's own engines agree against it, they are
//! followed:
//! - `null` and what is missing are text without characters in `cat` and `substr`, and only they are `missing`;
//! - texts are ordered by code point, and `substr` counts code points;
//! - a list equals nothing, and is no number; in a text, `in` finds texts only.
//!
//! What engines differ in among themselves follows the reference: `+` and `*` read the number that a text begins with,
//! `null` equals nothing but `null`, a text that is no number is NaN, which is neither less nor more.
//!
//! Contexts are flat here: `var` of an object is truthy when the context has anything within it, and equals nothing.
//! `null` in a context counts as missing, so `var`'s own default applies to it.
//!
//! Evaluating never fails, and takes time in proportion to the expression and the lists of the context. It touches the
//! heap only for texts that `cat` puts together, `substr` of what is no text, lists that are made on the way (`merge`,
//! the names that `missing` gives, lists with operations in them, unless `in` looks through one), and versions that are
//! no plain attribute or literal.

mod compile;
mod evaluate;
mod fractional;
mod numbers;
mod value;

use serde_json::Value as Json;

use super::condition::Source;
use crate::{
    context::{Name, Text},
    evaluate::Scope,
    model::HashAlgorithm,
    problem::Problem,
};
use evaluate::At;

/// A JSONLogic expression, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Logic {
    root: Node,
    is_of_venue: bool,
}

impl Logic {
    /// Prepares an expression.
    ///
    /// # Errors
    /// An operator that is not supported, by its name, or arguments that make no sense.
    pub(crate) fn compile(logic: &Json) -> Result<Self, Problem> {
        let (root, is_of_venue) = compile::compile(logic)?;
        Ok(Self { root, is_of_venue })
    }

    /// Whether its value is truthy.
    pub(crate) fn holds(&self, scope: &Scope<'_, '_>) -> bool {
        self.root.is_truthy(&At::new(scope))
    }

    /// Whether it asks for nothing but what the venue settles.
    pub(crate) fn is_of_venue(&self) -> bool {
        self.is_of_venue
    }
}

/// Whether `==` takes a text for a number.
pub(crate) fn spells_number(text: &str) -> bool {
    !numbers::number(text).is_nan()
}

/// One operation, or a value.
#[derive(Clone, Debug)]
enum Node {
    Constant(Constant),
    Variable(Box<Variable>),
    /// The element that a quantifier looks at.
    Element,
    /// Seconds since 1970.
    Now,
    /// All of the context.
    Context,
    List(Box<[Node]>),
    If(Box<[Node]>),
    And(Box<[Node]>),
    Or(Box<[Node]>),
    Truth {
        node: Box<Node>,
        wanted: bool,
    },
    Equal {
        sides: Box<[Node; 2]>,
        strict: bool,
        wanted: bool,
    },
    Order {
        parts: Box<[Node]>,
        order: Order,
    },
    Arithmetic {
        parts: Box<[Node]>,
        how: Arithmetic,
    },
    In(Box<[Node; 2]>),
    Cat(Box<[Node]>),
    Substr(Box<[Node]>),
    Affix {
        sides: Box<[Node; 2]>,
        at_end: bool,
    },
    SemVer(Box<[Node; 3]>),
    Missing(Box<[Sought]>),
    MissingSome {
        names: Box<[Sought]>,
        needed: f64,
    },
    Merge(Box<[Node]>),
    Quantifier {
        list: Box<Node>,
        test: Box<Node>,
        which: Quantifier,
    },
    Fractional(Box<Fractional>),
}

/// A value that is written out.
#[derive(Clone, Debug)]
enum Constant {
    Null,
    Bool(bool),
    Number(f64),
    Text(Text),
    List(Box<[Constant]>),
}

/// An attribute, and what stands for it when it is missing.
#[derive(Clone, Debug)]
struct Variable {
    place: Place,
    default: Option<Node>,
}

/// A name that `missing` looks for.
#[derive(Clone, Debug)]
struct Sought {
    name: Text,
    place: Place,
}

/// Where a dotted name leads.
#[derive(Clone, Debug)]
struct Place {
    source: Source,
    /// The name with a dot behind it: attributes below it make it an object.
    within: Box<str>,
    /// For a name that ends in numbers, the lists that it may point into, the longest name first.
    lists: Box<[(Name, Box<[usize]>)]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Min,
    Max,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    All,
    None,
    Some,
}

/// flagd's draw, where it is part of an expression. Its key is always written out here.
#[derive(Clone, Debug)]
struct Fractional {
    hash: HashAlgorithm,
    key: Node,
    /// What may be drawn, and its weight; 1 without one.
    parts: Box<[(Node, Option<Node>)]>,
}
