//! Structs of older and newer callers.

use super::*;
use crate::border::structs::Grows;

/// A struct of a version with an additional field.
#[repr(C)]
#[derive(Clone, Copy)]
struct Newer {
    struct_size: usize,
    old: u64,
    new: u64,
}

// SAFETY: `repr(C)`; numbers follow `struct_size`.
unsafe impl Grows for Newer {
    const FIRST_SIZE: usize = 16;
}

#[test]
fn fields_that_an_older_caller_lacks_are_zero() {
    let memory = [16_usize, 7, 0xBAD];
    let read: Newer = unsafe { given_struct(memory.as_ptr().cast(), "it") }.ok().unwrap();
    assert_eq!((read.old, read.new), (7, 0));
    let mut memory = memory;
    let value = Newer { struct_size: 0, old: 1, new: 2 };
    unsafe { fill(memory.as_mut_ptr().cast(), "it", value) }.unwrap();
    assert_eq!(memory, [16, 1, 0xBAD], "written beyond the end of the caller's struct");
}

#[test]
fn a_newer_caller_may_only_set_known_fields() {
    let memory = [32_usize, 7, 8, 0, 0xBAD];
    let read: Newer = unsafe { given_struct(memory.as_ptr().cast(), "it") }.ok().unwrap();
    assert_eq!((read.old, read.new), (7, 8));
    let memory = [32_usize, 7, 8, 1];
    let refused = unsafe { given_struct::<Newer>(memory.as_ptr().cast(), "it") }.err().unwrap();
    assert!(
        refused.message.contains("this version of libfiducia does not support"),
        "{}",
        refused.message
    );
    let mut memory = [32_usize, 0, 0, 0xBAD, 0xBAD];
    unsafe { fill(memory.as_mut_ptr().cast(), "it", Newer { struct_size: 0, old: 1, new: 2 }) }
        .unwrap();
    assert_eq!(memory, [32, 1, 2, 0, 0xBAD]);
}
