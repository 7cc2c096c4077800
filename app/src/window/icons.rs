//! Small line icons, drawn as vectors so that they are sharp at every scale and need no icon font.

use egui::{Color32, CornerRadius, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, pos2, vec2};
use std::f32::consts::{FRAC_PI_2, PI, TAU};

/// The icons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// A crosshair.
    Cursor,
    /// A magnifying glass.
    Zoom,
    /// Four arrows.
    Pan,
    /// A disc, half full.
    Contrast,
    /// An arrow bent to the left.
    Undo,
    /// An arrow bent to the right.
    Redo,
    /// A cross.
    Close,
    /// A tick.
    Tick,
}

/// Draws an icon of 16 points around `centre`.
pub fn paint(painter: &Painter, icon: Icon, centre: Pos2, colour: Color32) {
    let stroke = Stroke::new(1.4, colour);
    let line = |a: Vec2, b: Vec2| _ = painter.line_segment([centre + a, centre + b], stroke);
    match icon {
        Icon::Cursor => {
            painter.circle_stroke(centre, 4.5, stroke);
            for way in [vec2(1.0, 0.0), vec2(-1.0, 0.0), vec2(0.0, 1.0), vec2(0.0, -1.0)] {
                line(way * 2.0, way * 7.5);
            }
        }
        Icon::Zoom => {
            let eye = vec2(-1.5, -1.5);
            painter.circle_stroke(centre + eye, 4.8, stroke);
            line(vec2(2.1, 2.1), vec2(6.5, 6.5));
            line(eye - vec2(2.2, 0.0), eye + vec2(2.2, 0.0));
            line(eye - vec2(0.0, 2.2), eye + vec2(0.0, 2.2));
        }
        Icon::Pan => {
            for way in [vec2(1.0, 0.0), vec2(-1.0, 0.0), vec2(0.0, 1.0), vec2(0.0, -1.0)] {
                let (tip, side) = (way * 7.0, way.rot90() * 2.2);
                line(Vec2::ZERO, tip);
                line(tip, tip - way * 2.2 + side);
                line(tip, tip - way * 2.2 - side);
            }
        }
        Icon::Contrast => {
            painter.circle_stroke(centre, 6.0, stroke);
            let half = arc(centre, 6.0, FRAC_PI_2, FRAC_PI_2 + PI);
            painter.add(Shape::convex_polygon(half, colour, Stroke::NONE));
        }
        Icon::Undo | Icon::Redo => {
            let side = if icon == Icon::Undo { 1.0 } else { -1.0 };
            let middle = centre + vec2(0.0, 1.0);
            let mirror = |p: Pos2| pos2(centre.x + (p.x - centre.x) * side, p.y);
            let bow = arc(middle, 5.0, PI * 1.15, TAU + 0.9).into_iter().map(mirror).collect();
            painter.line(bow, stroke);
            let tip = vec2(-4.6 * side, -1.0);
            line(tip, tip + vec2(-0.6 * side, -4.2));
            line(tip, tip + vec2(4.0 * side, -0.6));
        }
        Icon::Close => {
            line(vec2(-3.5, -3.5), vec2(3.5, 3.5));
            line(vec2(-3.5, 3.5), vec2(3.5, -3.5));
        }
        Icon::Tick => {
            line(vec2(-3.0, 0.2), vec2(-0.8, 2.6));
            line(vec2(-0.8, 2.6), vec2(3.4, -2.6));
        }
    }
}

/// A checkbox of 13 points.
pub fn paint_box(painter: &Painter, centre: Pos2, ticked: bool, fill: Color32, line: Color32) {
    let rect = Rect::from_center_size(centre, Vec2::splat(13.0));
    let radius = CornerRadius::same(3);
    if ticked {
        painter.rect_filled(rect, radius, fill);
        paint(painter, Icon::Tick, centre, Color32::WHITE);
    } else {
        painter.rect_stroke(rect, radius, Stroke::new(1.2, line), StrokeKind::Inside);
    }
}

fn arc(centre: Pos2, radius: f32, from: f32, to: f32) -> Vec<Pos2> {
    const STEPS: usize = 24;
    let angle = |i: usize| from + (to - from) * i as f32 / STEPS as f32;
    (0..=STEPS).map(|i| centre + radius * Vec2::angled(angle(i))).collect()
}
