//! Bars as SVG: one for each filter, from zero.

use anyhow::{Result, anyhow, ensure};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::chart::{FONT, OTHERS, OURS};
use super::figure;

const WIDTH: u32 = 900;
const LEFT: i32 = 190;
const TOP: i32 = 76;
/// From one bar to the next, and how thick each is.
const STEP: i32 = 34;
const THICK: i32 = 20;
/// The longest bar; its number follows it.
const LONGEST: i32 = 600;

/// One filter's value.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) ours: bool,
    pub(super) value: f64,
}

/// Draws them one below the other.
///
/// # Errors
/// There is no bar.
pub(super) fn draw(title: &str, subtitle: &str, bars: &[Bar]) -> Result<String> {
    ensure!(!bars.is_empty(), "nothing to draw");
    let mut drawing = String::new();
    // Its errors borrow the drawing.
    plot(&mut drawing, title, subtitle, bars)
        .map_err(|error| anyhow!("cannot draw {title:?}: {error:#}"))?;
    Ok(drawing)
}

fn plot(drawing: &mut String, title: &str, subtitle: &str, bars: &[Bar]) -> Result<()> {
    let rows = i32::try_from(bars.len())?;
    let height = u32::try_from(TOP + rows * STEP + 10)?;
    let area = SVGBackend::with_string(drawing, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let large = (FONT, 20).into_font();
    area.draw(&Text::new(title.to_owned(), (20, 14), large))?;
    let small = (FONT, 13).into_font().color(&RGBColor(0x55, 0x55, 0x55));
    area.draw(&Text::new(subtitle.to_owned(), (20, 40), small))?;
    let text = (FONT, 13).into_text_style(&area);
    let left = text.pos(Pos::new(HPos::Left, VPos::Center));
    let right = text.pos(Pos::new(HPos::Right, VPos::Center));
    let ([ours, ..], [others, ..]) = (OURS, OTHERS);
    let highest = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    for (row, bar) in (0..rows).zip(bars) {
        let top = TOP + row * STEP;
        let middle = top + THICK / 2;
        let end = LEFT + length(bar.value, highest);
        let colour = if bar.ours { ours } else { others };
        area.draw(&Rectangle::new(
            [(LEFT, top), (end, top + THICK)],
            colour.filled(),
        ))?;
        area.draw(&Text::new(
            bar.label.clone(),
            (LEFT - 8, middle),
            right.clone(),
        ))?;
        area.draw(&Text::new(
            figure::number(bar.value),
            (end + 8, middle),
            left.clone(),
        ))?;
    }
    area.present()?;
    Ok(())
}

/// The pixels of a bar: at least one, so that it shows.
#[allow(clippy::cast_possible_truncation)]
fn length(value: f64, highest: f64) -> i32 {
    let share = if highest > 0.0 {
        value.max(0.0) / highest
    } else {
        0.0
    };
    (share * f64::from(LONGEST)).round().max(1.0) as i32
}
