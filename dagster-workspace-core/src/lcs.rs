//! Longest common sequences of texts. Read [`matches`].

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// Largest table that is filled; longer sequences are first divided at what stands once in both.
const TABLE: usize = 1 << 14;

/// Pairs of places, ascending on both sides, at which two sequences are equal: as many as possible, for long sequences
/// nearly so.
pub(crate) fn matches(left: &[String], right: &[String]) -> Vec<(usize, usize)> {
    let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
    let mut intern = Vec::with_capacity(left.len() + right.len());
    for text in left.iter().chain(right) {
        let next = crate::span::offset(numbers.len());
        intern.push(*numbers.entry(text.as_str()).or_insert(next));
    }
    let (left, right) = intern.split_at(left.len());
    let mut pairs = Vec::new();
    divide(left, right, (0, 0), &mut pairs);
    pairs
}

/// Matches two parts that begin at `at` in the whole.
fn divide(left: &[u32], right: &[u32], at: (usize, usize), pairs: &mut Vec<(usize, usize)>) {
    let head = left.iter().zip(right).take_while(|(one, other)| one == other).count();
    pairs.extend((0..head).map(|step| (at.0 + step, at.1 + step)));
    let (left, right) = (left.get(head..).unwrap_or_default(), right.get(head..).unwrap_or_default());
    let at = (at.0 + head, at.1 + head);
    let tail = left.iter().rev().zip(right.iter().rev()).take_while(|(one, other)| one == other).count();
    let inner = |side: &[u32]| side.len() - tail;
    let (inner_left, inner_right) = (inner(left), inner(right));
    middle(left.get(..inner_left).unwrap_or_default(), right.get(..inner_right).unwrap_or_default(), at, pairs);
    pairs.extend((0..tail).map(|step| (at.0 + inner_left + step, at.1 + inner_right + step)));
}

fn middle(left: &[u32], right: &[u32], at: (usize, usize), pairs: &mut Vec<(usize, usize)>) {
    if left.is_empty() || right.is_empty() {
        return;
    }
    if left.len().saturating_mul(right.len()) <= TABLE {
        return table(left, right, at, pairs);
    }
    // What stands once on both sides, in the longest ascending sequence, divides the rest.
    let anchors = ascending(&unique(left, right));
    let (mut from_left, mut from_right) = (0, 0);
    if anchors.is_empty() {
        return;
    }
    for (one, other) in anchors {
        let (part_left, part_right) = (left.get(from_left..one), right.get(from_right..other));
        let (part_left, part_right) = (part_left.unwrap_or_default(), part_right.unwrap_or_default());
        divide(part_left, part_right, (at.0 + from_left, at.1 + from_right), pairs);
        pairs.push((at.0 + one, at.1 + other));
        (from_left, from_right) = (one + 1, other + 1);
    }
    let (rest_left, rest_right) = (left.get(from_left..), right.get(from_right..));
    divide(rest_left.unwrap_or_default(), rest_right.unwrap_or_default(), (at.0 + from_left, at.1 + from_right), pairs);
}

/// Places of what stands once on both sides, by place on the left.
fn unique(left: &[u32], right: &[u32]) -> Vec<(usize, usize)> {
    let places = |side: &[u32]| {
        let mut places: BTreeMap<u32, Option<usize>> = BTreeMap::new();
        for (at, number) in side.iter().enumerate() {
            places.entry(*number).and_modify(|place| *place = None).or_insert(Some(at));
        }
        places
    };
    let others = places(right);
    let mut found: Vec<_> = places(left)
        .into_iter()
        .filter_map(|(number, place)| Some((place?, others.get(&number).copied().flatten()?)))
        .collect();
    found.sort_unstable();
    found
}

/// A longest part of pairs, sorted by their left, whose rights ascend.
fn ascending(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // For each length the pair that ends such a sequence with the smallest right, and for each pair the one before it.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    let right = |at: &usize| pairs.get(*at).map_or(0, |(_, right)| *right);
    for (at, (_, own)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| right(end) < *own);
        before.push(length.checked_sub(1).and_then(|last| ends.get(last).copied()));
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut out = Vec::new();
    let mut next = ends.last().copied();
    while let Some(at) = next {
        out.extend(pairs.get(at));
        next = before.get(at).copied().flatten();
    }
    out.reverse();
    out
}

/// The classic table, from the end, so that of several longest sequences the one with the earliest matches is taken.
fn table(left: &[u32], right: &[u32], at: (usize, usize), pairs: &mut Vec<(usize, usize)>) {
    let width = right.len() + 1;
    let mut lengths = alloc::vec![0_u32; (left.len() + 1) * width];
    let length = |lengths: &[u32], one: usize, other: usize| lengths.get(one * width + other).copied().unwrap_or(0);
    for (one, own) in left.iter().enumerate().rev() {
        for (other, their) in right.iter().enumerate().rev() {
            let found = if own == their {
                length(&lengths, one + 1, other + 1) + 1
            } else {
                length(&lengths, one + 1, other).max(length(&lengths, one, other + 1))
            };
            if let Some(cell) = lengths.get_mut(one * width + other) {
                *cell = found;
            }
        }
    }
    let (mut one, mut other) = (0, 0);
    while let (Some(own), Some(their)) = (left.get(one), right.get(other)) {
        if own == their {
            pairs.push((at.0 + one, at.1 + other));
            (one, other) = (one + 1, other + 1);
        } else if length(&lengths, one + 1, other) >= length(&lengths, one, other + 1) {
            one += 1;
        } else {
            other += 1;
        }
    }
}
