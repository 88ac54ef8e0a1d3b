//! Short texts, compared and copied in one or two words each.
//!
//! Most keys and values have at most 32 bytes, and to call the system's routines, which are made for long ones, costs
//! them more than the work itself: an evaluation compares three or four texts, and copies as many.

/// Two halves that may overlap, and together are the whole.
macro_rules! halves {
    ($size:literal, $bytes:expr) => {
        ($bytes.first_chunk::<$size>(), $bytes.last_chunk::<$size>())
    };
}

/// `a == b`.
#[inline]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len()
        && match a.len() {
            0..4 => a.iter().eq(b),
            4..8 => halves!(4, a) == halves!(4, b),
            8..=16 => halves!(8, a) == halves!(8, b),
            17..=32 => halves!(16, a) == halves!(16, b),
            _ => a == b,
        }
}

/// Copies `bytes` to where there is as much room. Nothing, where there is not.
#[inline]
pub(crate) fn copy(room: &mut [u8], bytes: &[u8]) {
    macro_rules! copy_halves {
        ($size:literal) => {{
            if let (Some(first), Some(last)) = halves!($size, bytes)
                && room.len() == bytes.len()
            {
                if let Some(room) = room.first_chunk_mut::<$size>() {
                    *room = *first;
                }
                if let Some(room) = room.last_chunk_mut::<$size>() {
                    *room = *last;
                }
            }
        }};
    }
    match bytes.len() {
        0..4 => room.iter_mut().zip(bytes).for_each(|(room, byte)| *room = *byte),
        4..8 => copy_halves!(4),
        8..=16 => copy_halves!(8),
        17..=32 => copy_halves!(16),
        _ if room.len() == bytes.len() => room.copy_from_slice(bytes),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few different bytes, so that texts are often nearly the same.
        #[test]
        fn texts_are_compared_as_slices_are(
            a in prop::collection::vec(0_u8..2, 0..40), at in any::<prop::sample::Index>(), b in prop::collection::vec(0_u8..2, 0..40),
        ) {
            prop_assert!(same(&a, &a.clone()));
            prop_assert_eq!(same(&a, &b), a == b);
            if !a.is_empty() {
                let mut other = a.clone();
                other[at.index(a.len())] ^= 1;
                prop_assert!(!same(&a, &other));
            }
        }

        #[test]
        fn texts_are_copied_whole(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut room = vec![0; bytes.len()];
            copy(&mut room, &bytes);
            prop_assert_eq!(room, bytes);
        }
    }
}
