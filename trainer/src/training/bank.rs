//! The template bank: images on which a landmark is found with such confidence that they serve as further
//! templates (online template updating).

use serde::{Deserialize, Serialize};

/// Decay of a member's score per round in which it was not confirmed.
const DECAY: f64 = 0.7;
/// Least score of a member.
const LEAST: f64 = 0.45;

/// The members of one landmark's bank. The annotated images always serve as templates and are not listed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bank {
    members: Vec<Member>,
}

/// An image in the bank.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Member {
    image: usize,
    score: f64,
}

impl Bank {
    /// Decays the scores of old members, adds `candidates` (image and score, 0 to 1) and keeps the `size`
    /// best.
    pub fn update(&mut self, candidates: &[(usize, f64)], size: usize) {
        for member in &mut self.members {
            member.score *= DECAY;
        }
        for &(image, score) in candidates {
            match self.members.iter_mut().find(|m| m.image == image) {
                Some(member) => member.score = member.score.max(score),
                None => self.members.push(Member { image, score }),
            }
        }
        self.members.retain(|m| m.score >= LEAST);
        self.members.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.image.cmp(&b.image)));
        self.members.truncate(size);
    }

    /// Indices of the member images, best first.
    pub fn images(&self) -> Vec<usize> {
        self.members.iter().map(|m| m.image).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_stay_and_the_stale_fade() {
        let mut bank = Bank::default();
        bank.update(&[(4, 0.6), (7, 0.9), (2, 0.8), (9, 0.2)], 2);
        assert_eq!(bank.images(), [7, 2]);
        bank.update(&[(4, 0.75)], 2);
        assert_eq!(bank.images(), [4, 7], "0.75 is above the decayed 0.9");
        bank.update(&[], 2);
        assert_eq!(bank.images(), [4], "0.9 after two rounds is below the least score");
    }

    #[test]
    fn a_confirmed_member_keeps_its_score() {
        let mut bank = Bank::default();
        for _ in 0..5 {
            bank.update(&[(3, 0.8)], 4);
        }
        assert_eq!(bank.images(), [3]);
    }
}
