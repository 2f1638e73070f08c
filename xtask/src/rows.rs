//! Made-up rows of a shop: names, amounts, times, random tokens, and notes in words that come as often as words do.

use std::io::{self, BufWriter, Write};

use crate::bench::corpora::Generator;

/// Words that there are.
const WORDS: usize = 8192;

/// Writes rows of `bytes` in all, with tabs between their fields; others for each number.
pub(crate) fn write(to: &mut impl Write, number: u64, bytes: u64) -> io::Result<()> {
    let words = words();
    let word = |draw: u64| {
        // The product of three draws: few words come often, and most seldom.
        let draws = [draw & 0xffff, (draw >> 16) & 0xffff, (draw >> 32) & 0xffff];
        let place = draws.iter().fold(WORDS as u64, |place, draw| (place * draw) >> 16);
        words.get(place as usize).map_or("", String::as_str)
    };
    let mut generator = Generator::new(1000 + number);
    let mut to = BufWriter::with_capacity(1 << 20, to);
    let (mut written, mut id, mut row) = (0, 0, String::new());
    while written < bytes {
        use std::fmt::Write as _;
        row.clear();
        let (draw, token) = (generator.next(), [generator.next(), generator.next()]);
        let _ = write!(
            row,
            "{id}\t{} {} {}\t{}.{:02}\t2026-{:02}-{:02} {:02}:{:02}:{:02}\t{:016x}{:016x}\t",
            word(draw),
            word(draw.rotate_left(24)),
            draw % 100_000,
            draw % 5000,
            draw % 97,
            1 + draw % 12,
            1 + draw % 28,
            draw % 24,
            draw % 60,
            draw % 59,
            token[0],
            token[1]
        );
        for _ in 0..6 + draw % 40 {
            row.push_str(word(generator.next()));
            row.push(' ');
        }
        row.push('\n');
        to.write_all(row.as_bytes())?;
        written += row.len() as u64;
        id += 1;
    }
    to.flush()
}

/// All words: two to five syllables each.
fn words() -> Vec<String> {
    let mut generator = Generator::new(99);
    let syllables = |draw: u64| {
        let letters =
            |set: &'static [u8], draw: u64| set.get(draw as usize % set.len()).copied().map(char::from);
        let mut word = String::new();
        for place in 0..2 + draw % 4 {
            let draw = draw >> (8 + place * 10);
            word.extend(letters(b"bdfgklmnprstvwz", draw));
            word.extend(letters(b"aeiou", draw / 15));
        }
        word
    };
    (0..WORDS).map(|_| syllables(generator.next())).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn rows_have_their_fields_and_differ() {
        let make = |number| {
            let mut text = Vec::new();
            super::write(&mut text, number, 20_000).unwrap();
            String::from_utf8(text).unwrap()
        };
        let (one, other) = (make(1), make(2));
        assert!(one != other && one == make(1));
        assert!(one.lines().all(|row| row.split('\t').count() == 6), "{one}");
        assert!(one.len() >= 20_000);
    }
}
