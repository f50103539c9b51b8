//! Memory for images that are being received.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Memory for images that are being received, all associations together.
#[derive(Debug)]
pub(super) struct Budget {
    max: usize,
    reserved: AtomicUsize,
}

/// A reservation of a part of the budget; released when it is dropped.
#[derive(Debug)]
pub(super) struct Reservation<'a> {
    budget: &'a Budget,
    bytes: usize,
}

impl Budget {
    pub(super) fn new(max: usize) -> Self {
        Self { max, reserved: AtomicUsize::new(0) }
    }

    /// An empty reservation, to be grown.
    pub(super) fn reserve(&self) -> Reservation<'_> {
        Reservation { budget: self, bytes: 0 }
    }

    /// Bytes that are reserved now.
    pub(super) fn reserved(&self) -> usize {
        self.reserved.load(Ordering::Relaxed)
    }
}

impl Reservation<'_> {
    /// Reserves `bytes` more; returns false, and changes nothing, if the budget is too small.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let reserved = &self.budget.reserved;
        let more = |now: usize| now.checked_add(bytes).filter(|then| *then <= self.budget.max);
        let granted = reserved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        self.bytes += if granted { bytes } else { 0 };
        granted
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.budget.reserved.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_share_the_budget_and_are_released() {
        let budget = Budget::new(100);
        let (mut one, mut two) = (budget.reserve(), budget.reserve());
        assert!(one.grow(60) && !two.grow(50) && two.grow(40) && !one.grow(1));
        assert_eq!(budget.reserved(), 100);
        drop(one);
        assert!(two.grow(60) && !two.grow(usize::MAX));
        drop(two);
        assert_eq!(budget.reserved(), 0);
    }
}
