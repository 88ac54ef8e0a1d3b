//! Censuses from many sources add up, whatever order they come in, however often, and whoever passes them on.

use std::collections::BTreeMap;

use proptest::prelude::*;
use usher_core::{
    model::{Epoch, Seq},
    protocol::{Census, Censuses, ClientFrame, Clients, CommitCount, Count, Group, Mode, Source, VenueCount},
};

const VENUES: [Option<&str>; 3] = [None, Some("anfield"), Some("wembley-stadium")];

fn epoch() -> Epoch {
    Epoch::from_bytes([7; 16])
}

fn count() -> impl Strategy<Value = Count> {
    (0..50_u64, 0..50_u64, 0..50_u64).prop_map(|(converged, left, pending)| Count {
        expected: converged + left + pending,
        converged,
        left,
    })
}

fn commit(seq: u64) -> impl Strategy<Value = CommitCount> {
    prop::collection::vec(count(), VENUES.len()).prop_map(move |counts| CommitCount {
        seq: Seq(seq),
        from: Seq(seq - 1),
        venues: VENUES
            .iter()
            .zip(counts)
            .map(|(venue, count)| VenueCount { venue: venue.map(Into::into), count })
            .collect(),
    })
}

fn group(venue: Option<&str>, mode: Mode) -> Group {
    Group {
        environment: "production".parse().unwrap(),
        venue: venue.map(Into::into),
        sdk: "usher-rust/0.1.0".to_owned(),
        version: None,
        mode,
        schema: 2,
    }
}

fn clients() -> impl Strategy<Value = Vec<Clients>> {
    let groups = VENUES.iter().flat_map(|venue| [group(*venue, Mode::Ruleset), group(*venue, Mode::Values)]);
    let groups: Vec<Group> = groups.collect();
    prop::collection::vec(0..1_000_u64, groups.len()).prop_map(move |counts| {
        groups.iter().cloned().zip(counts).map(|(group, count)| Clients { group, count }).collect()
    })
}

/// Censuses of a few sources; what a source says under one revision is always the same.
fn told() -> impl Strategy<Value = Vec<(Source, Census)>> {
    let one = (clients(), commit(8), commit(9)).prop_map(|(clients, older, newer)| Census {
        revision: 0,
        epoch: epoch(),
        seq: Seq(9),
        clients,
        commits: vec![newer, older],
    });
    prop::collection::vec((0..4_usize, one), 1..16).prop_map(|all| {
        let mut revisions = [0; 4];
        let numbered = all.into_iter().map(|(source, census)| {
            revisions[source] += 1;
            let name = format!("s{source}");
            let name = if source % 2 == 0 { Source::Edge(name) } else { Source::Node(name) };
            (name, Census { revision: revisions[source], ..census })
        });
        numbered.collect()
    })
}

fn merged(told: impl IntoIterator<Item = (Source, Census)>) -> Censuses<Source> {
    let mut all = Censuses::default();
    for (source, census) in told {
        all.put(source, census);
    }
    all
}

proptest! {
    #[test]
    fn the_order_and_repetition_of_censuses_do_not_matter(
        told in told(),
        order in any::<prop::sample::Index>(),
        seed in any::<u64>(),
    ) {
        let expected = merged(told.clone());
        let mut shuffled = [told.clone(), told.clone()].concat();
        // A small shuffle of its own, so that a failure can be repeated from what is printed.
        let mut state = seed | 1;
        for at in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(at, usize::try_from(state >> 33).unwrap() % (at + 1));
        }
        prop_assert_eq!(&merged(shuffled), &expected);
        // Heard by two, and put together.
        let cut = order.index(told.len());
        let (mut first, second) = (merged(told[..cut].to_vec()), merged(told[cut..].to_vec()));
        let mut other = second.clone();
        other.merge(first.clone());
        first.merge(second);
        prop_assert_eq!(&first, &expected);
        prop_assert_eq!(&other, &expected);
    }

    #[test]
    fn sums_are_of_the_newest_census_of_each_source_and_of_nothing_else(told in told()) {
        let all = merged(told.clone());
        let newest: BTreeMap<Source, Census> = told.into_iter().collect();
        for seq in [Seq(8), Seq(9), Seq(10)] {
            for venue in VENUES {
                let counts = newest.values().flat_map(|census| &census.commits).filter(|own| own.seq == seq);
                let of_venue = counts.flat_map(|own| &own.venues).filter(|own| own.venue.as_deref() == venue);
                let sum = of_venue.fold(Count::default(), |sum, own| sum.plus(own.count));
                let found = all.commit(epoch(), seq).get(&venue).copied().unwrap_or_default();
                prop_assert_eq!(found, sum);
                prop_assert_eq!(found.expected, found.converged + found.left + found.pending());
            }
        }
        prop_assert!(all.commit(Epoch::from_bytes([8; 16]), Seq(9)).is_empty(), "of another journal");
        let clients: u64 = newest.values().flat_map(|census| &census.clients).map(|own| own.count).sum();
        prop_assert_eq!(all.clients().values().sum::<u64>(), clients);
        // Who goes takes along what it counted, and nobody else's.
        let gone = newest.keys().next().unwrap();
        let mut left = all.clone();
        left.remove(gone);
        let rest: u64 = clients - newest[gone].clients.iter().map(|own| own.count).sum::<u64>();
        prop_assert_eq!(left.clients().values().sum::<u64>(), rest);
    }

    #[test]
    fn whoever_is_pending_has_left_once_the_source_is_gone(count in count()) {
        let gone = count.gone();
        prop_assert_eq!((gone.expected, gone.converged, gone.pending()), (count.expected, count.converged, 0));
    }

    #[test]
    fn a_census_goes_through_its_frame_and_stays_within_its_bounds(told in told()) {
        for (_, census) in told {
            let frame = ClientFrame::Downstream(Box::new(census.clone()));
            prop_assert_eq!(&ClientFrame::parse(&serde_json::to_string(&frame).unwrap()).unwrap(), &frame);
            prop_assert_eq!(census.clone().bounded(), census);
        }
    }
}

#[test]
fn what_would_be_too_large_for_a_frame_gets_coarser_and_loses_nobody() {
    let version = |n: usize| Some(format!("3.{n}"));
    let many = (0..20_000).map(|n| Group { version: version(n), ..group(VENUES[n % 3], Mode::Values) });
    let venues = |seq: u64| CommitCount {
        seq: Seq(seq),
        from: Seq(seq - 1),
        venues: (0..2_188)
            .map(|n| VenueCount {
                venue: Some(format!("venue-{n}")),
                count: Count { expected: 3, converged: 2, left: 1 },
            })
            .collect(),
    };
    let census = Census {
        revision: 1,
        epoch: epoch(),
        seq: Seq(40),
        clients: many.map(|group| Clients { group, count: 2 }).collect(),
        commits: (25..41).rev().map(venues).collect(),
    }
    .bounded();
    assert_eq!(census.clients.iter().map(|own| own.count).sum::<u64>(), 40_000);
    assert_eq!(census.commits.iter().map(|own| own.seq.0).collect::<Vec<_>>(), [40, 39], "the newest stay");
    let text = serde_json::to_string(&ClientFrame::Downstream(Box::new(census))).unwrap();
    assert!(text.len() < usher_core::protocol::MAX_CLIENT_FRAME_BYTES, "{}", text.len());
}
