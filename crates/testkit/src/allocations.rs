//! Counts what a thread takes from the heap, once a binary has made [`Counting`] its allocator:
//!
//! ```
//! use usher_testkit::allocations::{self, Counting};
//! #[global_allocator]
//! static ALLOCATOR: Counting = Counting::new();
//!
//! assert_eq!(allocations::during(|| drop(Box::new(1))), 1);
//! ```
#![allow(unsafe_code)] // A global allocator can't be written without.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// Bytes taken and not given back; below zero for a thread that gives back what another took.
    static HELD: Cell<i64> = const { Cell::new(0) };
    /// The most that it has been.
    static MOST: Cell<i64> = const { Cell::new(0) };
}

fn hold(bytes: usize, sign: i64) {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    // A thread that ends still allocates after its cell is gone.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + sign * bytes);
        MOST.try_with(|most| most.set(most.get().max(held.get())))
    });
}

/// Passes everything on to another allocator, and counts it.
pub struct Counting<A = System>(A);

impl Counting {
    /// Over the system's allocator.
    #[must_use]
    pub const fn new() -> Self {
        Self(System)
    }
}

impl Default for Counting {
    fn default() -> Self {
        Self::new()
    }
}

impl<A> Counting<A> {
    /// Over this one.
    pub const fn over(allocator: A) -> Self {
        Self(allocator)
    }
}

fn count() {
    // A thread that ends still allocates after its cell is gone.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: passes everything on to another allocator, unchanged.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        hold(layout.size(), 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        hold(layout.size(), 1);
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        hold(layout.size(), -1);
        hold(size, 1);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { self.0.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        hold(layout.size(), -1);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { self.0.dealloc(pointer, layout) }
    }
}

/// How often this thread takes from the heap while it does this.
pub fn during(work: impl FnOnce()) -> u64 {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

/// Begins to look for the most that this thread holds at a time: [`most_held`] tells it.
pub fn watch_most() -> i64 {
    let held = HELD.with(Cell::get);
    MOST.with(|most| most.set(held));
    held
}

/// The most bytes of the heap that this thread has held at a time, since [`watch_most`] told `before`, beyond what it held
/// then.
pub fn most_held(before: i64) -> i64 {
    MOST.with(Cell::get) - before
}

/// What `work` makes, and how many bytes of the heap this thread holds for it.
pub fn held_by<T>(work: impl FnOnce() -> T) -> (T, i64) {
    let before = HELD.with(Cell::get);
    let made = work();
    let held = HELD.with(Cell::get) - before;
    (made, held)
}
