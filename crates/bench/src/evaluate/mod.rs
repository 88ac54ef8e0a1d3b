//! `usher-bench evaluate`: what one evaluation costs, beside a floor and beside the peers' engines.
//!
//! All subjects take turns, round by round, so that a noisy moment of the machine falls on all of them; the
//! median of the rounds counts. Before anything is measured, all engines must agree on who gets what.

mod compile;
#[cfg(feature = "peers")]
mod flags;
#[cfg(feature = "peers")]
mod peers;
mod subject;
mod verify;

use std::hint::black_box;

use anyhow::Result;
use usher_bench::{
    floor::{Floor, people},
    reference::{self, ENVIRONMENT, R1, R2},
};
use usher_core::{
    Context, Ruleset,
    model::{Document, Seq, Timestamp},
};
use usher_sdk::Client;

use self::subject::{Subject, Whose};
use crate::{
    table::{Form, Table, figure, ratio},
    workspace::Workspace,
};

/// Measures, and prints tables.
pub fn run(rounds: usize, form: Form) -> Result<()> {
    let (small, large) = (reference::small()?, reference::large(reference::R3_FLAGS)?);
    let rules = compile(&small)?;
    let (floor, people, contexts) = (Floor::default(), people(), reference::contexts());
    let expected = verify::ours(&compile(&reference::without_draws()?)?, &contexts);
    verify::floor(&floor, &people, &rules, &contexts)?;
    #[cfg(feature = "peers")]
    let peers = peers::all(&expected)?;
    #[cfg(not(feature = "peers"))]
    let _ = expected;

    let (one, many) = (Workspace::start(small)?, Workspace::start(large)?);
    let (one, many) = (one.client()?, many.client()?);
    let hand = |work: &'static str, flag: &'static str| {
        let (floor, people) = (&floor, &people);
        Subject::new("the floor", Whose::Floor, work, move || {
            for person in people {
                black_box(floor.evaluate(black_box(flag), person));
            }
        })
    };
    let core = |work: &'static str, flag: &'static str| {
        let (rules, contexts) = (&rules, &contexts);
        Subject::new("usher-core", Whose::Ours, work, move || {
            for context in contexts {
                black_box(rules.evaluate(black_box(flag), context, Timestamp::EPOCH).variant());
            }
        })
    };
    let sdk = |work, pass| Subject::new("usher-sdk", Whose::Ours, work, pass);
    let mut subjects = vec![
        hand("R1", R1),
        core("R1", R1),
        sdk("R1", boolean(&one, &contexts)),
        sdk("R3", boolean(&many, &contexts)),
        hand("R2", R2),
        core("R2", R2),
        Subject::new("usher-sdk", Whose::Ours, "R2", string(&one, &contexts)),
    ];
    #[cfg(feature = "peers")]
    subjects.extend(peers.iter().flat_map(|peer| peer.subjects()));
    for subject in &mut subjects {
        subject.prepare();
    }
    for _ in 0..rounds {
        for subject in &mut subjects {
            subject.round();
        }
    }
    for work in ["R1", "R2"] {
        print(&subjects, work, form);
    }
    compile::print(form)
}

fn compile(documents: &[Document]) -> Result<Ruleset> {
    Ok(Ruleset::compile(ENVIRONMENT.parse().map_err(anyhow::Error::msg)?, Seq(1), documents))
}

/// One table: the floor, ours, then the peers from the fastest on.
fn print(subjects: &[Subject<'_>], work: &'static str, form: Form) {
    let of =
        |whose: Whose| subjects.iter().filter(move |subject| subject.work == work && subject.whose == whose);
    let mut peers: Vec<_> = of(Whose::Peer).collect();
    peers.sort_by(|a, b| a.nanoseconds().total_cmp(&b.nanoseconds()));
    let floor = of(Whose::Floor).next();
    let fastest = peers.first().copied();
    let beside = |subject: &Subject<'_>, other: Option<&Subject<'_>>| {
        other.map_or_else(|| "–".to_owned(), |other| ratio(subject.beside(other)))
    };
    let head =
        ["engine", "ns a call", "× the floor", "× the fastest peer", "two threads", "heap allocations"];
    let mut table = Table::new(head);
    // R3 is R1 in a large workspace, and stands beside it.
    let large = subjects.iter().filter(|subject| work == "R1" && subject.work == "R3");
    for subject in of(Whose::Floor).chain(of(Whose::Ours)).chain(large).chain(peers) {
        table.row([
            format!("{}: {}", subject.work, subject.engine),
            figure(subject.nanoseconds()),
            beside(subject, floor),
            beside(subject, fastest),
            format!("× {}", ratio(subject.beside_another())),
            figure(subject.allocations).trim_end_matches(".0").to_owned(),
        ]);
    }
    table.print(form);
}

fn boolean<'a>(client: &'a Client, contexts: &'a [Context]) -> impl Fn() + Sync + 'a {
    move || {
        for context in contexts {
            black_box(client.boolean(black_box(R1), context, false));
        }
    }
}

fn string<'a>(client: &'a Client, contexts: &'a [Context]) -> impl Fn() + Sync + 'a {
    move || {
        for context in contexts {
            black_box(client.string(black_box(R2), context, ""));
        }
    }
}
