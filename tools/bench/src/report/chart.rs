//! Charts as SVG: one line per filter, both axes logarithmic.

use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::figure;

const WIDTH: u32 = 900;
const HEIGHT: u32 = 520;
const LEGEND_WIDTH: u32 = 210;
pub(super) const FONT: &str = "sans-serif";

/// Ours stand out by blue and weight.
pub(super) const OURS: [RGBColor; 4] = [
    RGBColor(0x08, 0x51, 0x9c),
    RGBColor(0x31, 0x82, 0xbd),
    RGBColor(0x6b, 0xae, 0xd6),
    RGBColor(0x00, 0x8b, 0x8b),
];

pub(super) const OTHERS: [RGBColor; 6] = [
    RGBColor(0x99, 0x99, 0x99),
    RGBColor(0x33, 0x33, 0x33),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x8c, 0x56, 0x4b),
    RGBColor(0xd6, 0x27, 0x28),
    RGBColor(0x98, 0x4e, 0xa3),
];

/// One filter's values.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) label: String,
    pub(super) ours: bool,
    /// Bytes of the body, and the value, both above zero.
    pub(super) points: Vec<(f64, f64)>,
}

/// Draws them over the size of the body.
pub(super) fn draw(title: &str, subtitle: &str, lines: &[Line]) -> Result<String> {
    let mut drawing = String::new();
    // Its errors borrow the drawing.
    plot(&mut drawing, title, subtitle, lines)
        .map_err(|error| anyhow!("cannot draw {title:?}: {error:#}"))?;
    Ok(drawing)
}

fn plot(drawing: &mut String, title: &str, subtitle: &str, lines: &[Line]) -> Result<()> {
    let lines = coloured(lines);
    let points = || lines.iter().flat_map(|(line, _)| &line.points);
    let mut sizes: Vec<f64> = points().map(|(size, _)| *size).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    let (first, last) = (sizes.first(), sizes.last());
    let range = first.zip(last);
    let (first, last) = range.context("nothing was measured with `model` last")?;
    let values = points()
        .map(|(_, value)| *value)
        .filter(|value| *value > 0.0);
    let lowest = values.clone().fold(f64::INFINITY, f64::min);
    let highest = values.fold(0.0, f64::max);
    // From one power of ten to another.
    let y = 10f64.powf(lowest.log10().floor())..10f64.powf(highest.log10().ceil() + 0.01);
    let x = first * 0.8..last * 1.25;

    let area = SVGBackend::with_string(drawing, (WIDTH, HEIGHT)).into_drawing_area();
    area.fill(&WHITE)?;
    area.draw(&Text::new(
        title.to_owned(),
        (20, 14),
        (FONT, 20).into_font(),
    ))?;
    let small = (FONT, 13).into_font().color(&RGBColor(0x55, 0x55, 0x55));
    area.draw(&Text::new(subtitle.to_owned(), (20, 40), small))?;
    let (plot, legend) = area.split_horizontally(WIDTH - LEGEND_WIDTH);
    let mut chart = ChartBuilder::on(&plot)
        .margin(14)
        .margin_top(64)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(x.log_scale().with_key_points(sizes.clone()), y.log_scale())?;
    // A mesh has at most as many labels as asked for, and each size has its own.
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(sizes.len())
        .x_label_formatter(&|bytes| size(*bytes))
        .y_label_formatter(&|value| axis(*value))
        .x_desc("request body")
        .label_style((FONT, 13))
        .axis_desc_style((FONT, 13))
        .draw()?;
    for (line, style) in &lines {
        chart.draw_series(LineSeries::new(line.points.clone(), *style).point_size(3))?;
    }
    draw_legend(&legend, lines)?;
    area.present()?;
    Ok(())
}

/// The names in the order of the lines' right ends.
fn draw_legend<'d>(
    area: &DrawingArea<SVGBackend<'d>, plotters::coord::Shift>,
    mut lines: Vec<(&Line, ShapeStyle)>,
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'d> as DrawingBackend>::ErrorType>> {
    let end = |line: &Line| line.points.last().map_or(0.0, |(_, value)| *value);
    lines.sort_by(|(one, _), (other, _)| end(other).total_cmp(&end(one)));
    let text = (FONT, 13)
        .into_text_style(area)
        .pos(Pos::new(HPos::Left, VPos::Center));
    let mut y = 80;
    for (line, style) in lines {
        area.draw(&PathElement::new(vec![(0, y), (22, y)], style))?;
        area.draw(&Text::new(line.label.clone(), (30, y), text.clone()))?;
        y += 22;
    }
    Ok(())
}

fn coloured(lines: &[Line]) -> Vec<(&Line, ShapeStyle)> {
    let mut ours = OURS.iter().cycle();
    let mut others = OTHERS.iter().cycle();
    // Each has its colour in all charts, also where others have nothing to draw.
    let styled = lines.iter().filter_map(|line| {
        let colour = match line.ours {
            true => ours.next()?,
            false => others.next()?,
        };
        let width = if line.ours { 3 } else { 2 };
        Some((line, colour.filled().stroke_width(width)))
    });
    styled.filter(|(line, _)| !line.points.is_empty()).collect()
}

/// The label of a tick on the axis of sizes, which came from a whole number.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn size(bytes: f64) -> String {
    figure::size(bytes.round() as usize)
}

/// The label of a tick on the axis of values, a power of ten: `0.1`, `1`, `100`, `1 000`.
fn axis(value: f64) -> String {
    let text = figure::number(value);
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_every_filter_and_size() {
        let line = |label: &str, factor: f64| Line {
            label: label.to_owned(),
            ours: label == "extract",
            points: vec![
                (368.0, factor),
                (10240.0, 3.0 * factor),
                (1048576.0, 90.0 * factor),
            ],
        };
        let drawing = draw("CPU", "here", &[line("extract", 60.0), line("lua", 70.0)]).unwrap();
        assert!(drawing.starts_with("<svg"));
        for text in ["extract", "lua", "368 B", "10 KiB", "1 MiB", "CPU", "here"] {
            assert!(drawing.contains(&format!("\n{text}\n")), "no {text:?}");
        }
    }

    #[test]
    fn the_axis_keeps_its_zeros() {
        let labels = [0.1, 1.0, 10.0, 100.0, 1e5].map(axis);
        assert_eq!(labels, ["0.1", "1", "10", "100", "100 000"]);
    }

    #[test]
    fn nothing_measured_is_an_error() {
        let error = draw("CPU", "", &[]).unwrap_err().to_string();
        assert!(error.contains("nothing was measured"), "{error}");
    }
}
