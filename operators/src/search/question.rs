//! A question as it was asked: its words, and the tokens that are looked for.

use super::tokens::each_token;

/// Bytes of a question that are looked at.
pub const QUESTION_BYTES_MAX: usize = 1024;
/// Tokens of a question that are looked for; later words are not.
pub const QUESTION_TOKENS_MAX: usize = 32;
/// A last word with so many characters is taken as the beginning of words: it may still be typed.
pub const PREFIX_CHARS_MIN: usize = 3;

/// Words that hold a sentence together and say nothing of what it is about: they are looked for only if
/// a question has no others.
const FUNCTION_WORDS: [&str; 44] = [
    "a", "an", "and", "are", "as", "at", "be", "by", "can", "cannot", "could", "did", "do", "does",
    "for", "from", "has", "have", "how", "in", "is", "it", "its", "no", "not", "of", "on", "or",
    "that", "the", "there", "this", "to", "was", "were", "what", "when", "where", "which", "who",
    "why", "will", "with", "would",
];

/// A question by words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    words: Vec<Word>,
    pub(super) tokens: Vec<Token>,
}

/// A word of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    /// As it was asked.
    asked: String,
    /// Which tokens it consists of, a bit for each.
    tokens: u32,
}

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    /// Whether words that begin with it are found, too.
    pub(super) is_prefix: bool,
}

impl Question {
    /// Returns the question of a text. No token is looked for twice.
    pub fn new(text: &str) -> Question {
        let looked_at = &text[..text.floor_char_boundary(QUESTION_BYTES_MAX)];
        let mut question = Question::default();
        let mut last = None;
        let says_nothing = |asked: &&str| FUNCTION_WORDS.contains(&&*asked.to_lowercase());
        let only_such = looked_at.split_whitespace().all(|asked| says_nothing(&asked));
        for asked in looked_at.split_whitespace() {
            last = match says_nothing(&asked) && !only_such {
                true => None,
                false => question.add(asked),
            };
        }
        let is_open = looked_at.len() == text.len() && !text.ends_with(char::is_whitespace);
        if let Some(token) = last.filter(|_| is_open).and_then(|at| question.tokens.get_mut(at)) {
            token.is_prefix = token.text.chars().count() >= PREFIX_CHARS_MIN;
        }
        question
    }

    /// Returns whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Returns the words as they were asked whose tokens were all found; `found` has a bit for each token.
    pub(super) fn words_in(&self, found: u32) -> Vec<String> {
        let words = self.words.iter().filter(|word| word.tokens & !found == 0);
        words.map(|word| word.asked.clone()).collect()
    }

    /// Adds a word if there is room for its tokens, and returns the place of its last token.
    fn add(&mut self, asked: &str) -> Option<usize> {
        let mut texts = Vec::new();
        each_token(asked, false, |token| texts.push(token.to_owned()));
        let (mut tokens, mut last) = (0u32, None);
        for text in texts {
            let known = self.tokens.iter().position(|token| token.text == text);
            let place = known.unwrap_or(self.tokens.len());
            if place == QUESTION_TOKENS_MAX {
                return None;
            }
            if known.is_none() {
                self.tokens.push(Token { text, is_prefix: false });
            }
            tokens |= 1 << place;
            last = Some(place);
        }
        if last.is_some() && self.words.iter().all(|word| word.asked != asked) {
            self.words.push(Word { asked: asked.to_owned(), tokens });
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<(String, bool)> {
        let tokens = Question::new(text).tokens.into_iter();
        tokens.map(|token| (token.text, token.is_prefix)).collect()
    }

    #[test]
    fn the_last_word_is_a_beginning_unless_a_space_ends_it() {
        let of = |text: &str| tokens(text).pop().unwrap();
        assert_eq!(of("pool clo"), ("clo".to_owned(), true));
        assert_eq!(of("pool clo "), ("clo".to_owned(), false));
        assert_eq!(of("pool cl"), ("cl".to_owned(), false), "too short to say anything");
        assert_eq!(of("PoolClo"), ("clo".to_owned(), true));
    }

    #[test]
    fn a_word_is_found_if_all_of_its_tokens_are() {
        let question = Question::new("PoolClosed pool pool --");
        assert_eq!(question.tokens.len(), 2);
        assert_eq!(question.words_in(0b01), ["pool"]);
        assert_eq!(question.words_in(0b11), ["PoolClosed", "pool"]);
        assert!(Question::new("-- <num>").is_empty());
    }

    #[test]
    fn words_that_hold_a_sentence_together_are_looked_for_only_if_there_are_no_others() {
        let texts = |text: &str| tokens(text).into_iter().map(|(text, _)| text).collect::<Vec<_>>();
        assert_eq!(texts("Why is the database slow"), ["database", "slow"]);
        assert_eq!(texts("what is it"), ["what", "is", "it"]);
    }

    #[test]
    fn limit_a_question_has_a_bounded_number_of_tokens_and_bytes() {
        let many: String = (0..100).map(|n| format!("w{n} ")).collect();
        let question = Question::new(&many);
        assert_eq!(question.tokens.len(), QUESTION_TOKENS_MAX);
        assert_eq!(question.words_in(u32::MAX).len(), QUESTION_TOKENS_MAX);
        let long = format!("{} end", "é".repeat(QUESTION_BYTES_MAX));
        assert_eq!(tokens(&long).len(), 1, "the end is not looked at");
        assert!(!tokens(&long)[0].1);
    }
}
