"""The camera, the lights and the turned pieces of the chess scene, traced in numpy.

Lengths are centimetres; x to the right, y up from the board, z away from the camera.
"""

import numpy as np

from units.photography.lens import FOCAL_LENGTH, SENSOR_WIDTH

WIDTH, HEIGHT = 1500, 1000
EYE = np.array([0.0, 19.0, 0.0], np.float32)
PITCH = np.radians(13.0)
FORWARD = np.array([0.0, -np.sin(PITCH), np.cos(PITCH)], np.float32)
UP = np.array([0.0, np.cos(PITCH), np.sin(PITCH)], np.float32)
PIXELS = FOCAL_LENGTH / SENSOR_WIDTH * WIDTH
KEY = np.array([-0.62, 0.70, -0.36], np.float32)
RIM = np.array([0.62, 0.42, 0.66], np.float32)
KEY_LIGHT = np.array([1.75, 1.50, 1.20], np.float32)
RIM_LIGHT = np.array([1.7, 0.92, 0.40], np.float32)
MAPLE = np.array([0.74, 0.52, 0.30], np.float32)
WALNUT = np.array([0.085, 0.042, 0.026], np.float32)


def unit(v):
    return v / np.sqrt((v * v).sum(-1, keepdims=True))


KEY, RIM = unit(KEY), unit(RIM)


def outline(parts):
    """Radius over height as a table; the largest part wins. Parts: cones, balls and rounded discs."""
    top = max(part[3] if part[0] == "cone" else part[1] + part[2] for part in parts)
    y = np.linspace(0, top, 900, dtype=np.float32)
    r = np.zeros_like(y)
    for part in parts:
        if part[0] == "cone":  # start height, start radius, end height, end radius, belly
            _, y0, r0, y1, r1, belly = part
            t = np.clip((y - y0) / (y1 - y0), 0, 1)
            shape = r0 + (r1 - r0) * t - belly * np.sin(np.pi * t)
            r = np.maximum(r, np.where((y >= y0) & (y <= y1), shape, 0))
        elif part[0] == "ball":  # centre height, radius, squash
            _, y0, size, squash = part
            r = np.maximum(r, np.sqrt(np.clip(size**2 - (y - y0) ** 2, 0, None)) * squash)
        else:  # disc: centre height, half thickness, radius
            _, y0, half, size = part
            edge = np.sqrt(np.clip(1 - ((y - y0) / half) ** 2, 0, None)) * half
            r = np.maximum(r, np.where(edge > 0, size - half + edge, 0))
    return y, r, np.gradient(r, y).astype(np.float32)


FOOT = [("disc", 0.45, 0.45, 1.0), ("disc", 1.15, 0.30, 0.80), ("disc", 1.60, 0.18, 0.66)]


def foot(scale):
    return [(kind, y, half, r * scale) for kind, y, half, r in FOOT]


SHAPES = {
    "pawn": outline(
        foot(1.62) + [("cone", 1.5, 0.98, 3.7, 0.50, 0.16), ("disc", 3.85, 0.17, 0.92), ("ball", 4.75, 0.95, 1.0)]
    ),
    "bishop": outline(
        foot(1.85)
        + [
            ("cone", 1.5, 1.10, 5.3, 0.50, 0.24),
            ("disc", 5.45, 0.18, 1.05),
            ("disc", 5.85, 0.13, 0.80),
            ("ball", 6.75, 1.05, 0.86),
            ("ball", 8.0, 0.30, 1.0),
        ]
    ),
    "queen": outline(
        foot(2.0)
        + [
            ("cone", 1.5, 1.22, 6.2, 0.56, 0.30),
            ("disc", 6.35, 0.20, 1.20),
            ("disc", 6.80, 0.14, 0.92),
            ("cone", 6.8, 0.72, 8.35, 1.22, 0.10),
            ("disc", 8.35, 0.12, 1.24),
            ("ball", 8.55, 0.62, 1.25),
            ("ball", 9.35, 0.34, 1.0),
        ]
    ),
    "king": outline(
        foot(2.1)
        + [
            ("cone", 1.5, 1.28, 6.7, 0.60, 0.32),
            ("disc", 6.85, 0.20, 1.28),
            ("disc", 7.32, 0.14, 0.98),
            ("cone", 7.3, 0.78, 8.8, 1.16, 0.06),
            ("disc", 8.8, 0.16, 1.18),
            ("ball", 8.8, 0.55, 1.5),
        ]
    ),
    "rook": outline(
        foot(1.9)
        + [
            ("cone", 1.5, 1.25, 4.4, 0.85, 0.14),
            ("disc", 4.5, 0.18, 1.18),
            ("cone", 4.5, 1.0, 5.9, 1.22, 0.03),
            ("disc", 5.85, 0.12, 1.24),
        ]
    ),
}
# The cross on the king: boxes (centre height, half width, half height, half depth).
CROSS = [(9.85, 0.15, 0.62, 0.13), (9.95, 0.45, 0.15, 0.13)]


class Piece:
    def __init__(self, kind, x, z, wood):
        self.kind, self.x, self.z, self.wood = kind, x, z, wood
        self.y, self.r, self.slope = SHAPES[kind]
        self.top = float(self.y[-1])
        self.reach = self.top + (1.1 if kind == "king" else 0.05)
        self.widest = float(self.r.max())

    @property
    def distance(self):
        return float(np.dot(np.array([self.x, self.top / 2, self.z]) - EYE, FORWARD))


PIECES = [
    Piece("king", -3.6, 57.0, MAPLE),
    Piece("pawn", 5.6, 45.0, WALNUT),
    Piece("pawn", -12.2, 42.5, MAPLE),
    Piece("bishop", 4.6, 64.0, MAPLE),
    Piece("queen", 10.6, 80.0, WALNUT),
    Piece("rook", -15.8, 73.0, WALNUT),
    Piece("pawn", -9.0, 85.0, WALNUT),
    Piece("king", 0.4, 88.5, WALNUT),
    Piece("pawn", 20.6, 74.0, WALNUT),
    Piece("pawn", 19.4, 92.0, WALNUT),
]


def project(point):
    """World point to pixel position."""
    away = np.asarray(point, np.float32) - EYE
    depth = float(away @ FORWARD)
    return WIDTH / 2 + float(away[0]) / depth * PIXELS, HEIGHT / 2 - float(away @ UP) / depth * PIXELS


def march(piece, origin, direction, steps=46):
    """Distance along each ray to the turned body, inf where it misses. Arrays (n, 3)."""
    n = len(direction)
    travelled = np.full(n, np.inf, np.float32)
    ox, oz = origin[:, 0] - piece.x, origin[:, 2] - piece.z
    # Start where the ray comes nearest to the axis, minus the widest radius.
    flat = direction[:, 0] ** 2 + direction[:, 2] ** 2
    near = -(ox * direction[:, 0] + oz * direction[:, 2]) / flat
    start = near - (piece.widest + 0.1) / np.sqrt(flat)
    t = np.maximum(start, 0.0)
    end = near + (piece.widest + 0.1) / np.sqrt(flat)
    alive = np.flatnonzero(end > 0)
    scale = (len(piece.y) - 1) / piece.top
    for _ in range(steps):
        if not len(alive):
            break
        ta = t[alive]
        x, z = ox[alive] + direction[alive, 0] * ta, oz[alive] + direction[alive, 2] * ta
        y = origin[alive, 1] + direction[alive, 1] * ta
        at = np.clip(y * scale, 0, len(piece.y) - 1).astype(np.int32)
        slope = np.clip(piece.slope[at], -6, 6)
        gap = (np.hypot(x, z) - piece.r[at]) / np.sqrt(1 + slope * slope)
        gap = np.maximum(gap, np.maximum(y - piece.top, -y))
        hit = gap < 0.006
        travelled[alive[hit]] = ta[hit]
        t[alive] = ta + np.maximum(gap * 0.8, 0.004)
        alive = alive[~hit & (t[alive] < end[alive])]
    return travelled


def march_cross(piece, origin, direction):
    """Distance and normal for the boxes of the cross."""
    best = np.full(len(direction), np.inf, np.float32)
    normal = np.zeros_like(direction)
    for height, wide, tall, deep in CROSS:
        centre, half = np.array([piece.x, height, piece.z], np.float32), np.array([wide, tall, deep], np.float32)
        safe = np.where(np.abs(direction) < 1e-6, 1e-6, direction)
        one, two = (centre - half - origin) / safe, (centre + half - origin) / safe
        low, high = np.minimum(one, two), np.maximum(one, two)
        enter, leave = low.max(1), high.min(1)
        hit = (enter < leave) & (enter > 0) & (enter < best)
        axis = low.argmax(1)
        best[hit] = enter[hit]
        normal[hit] = 0
        rows = np.flatnonzero(hit)
        normal[rows, axis[rows]] = -np.sign(direction[rows, axis[rows]])
    return best, normal


def surroundings(direction):
    """What a polished surface mirrors: a dim room, a window with a bar, two lamps."""
    x, y, z = direction[:, 0], direction[:, 1], direction[:, 2]
    light = np.stack([0.10 + 0.10 * y, 0.085 + 0.09 * y, 0.075 + 0.10 * y], 1)
    light = np.maximum(light, 0.02)
    across, above = x / np.maximum(-z, 1e-3), y / np.maximum(-z, 1e-3)
    pane = (z < 0) & (across > -1.7) & (across < -0.55) & (above > 0.35) & (above < 1.75)
    bar = (np.abs(across + 1.12) < 0.035) | (np.abs(above - 1.05) < 0.035)
    light[pane & ~bar] += np.array([6.5, 6.6, 7.0], np.float32)
    lamp = np.clip((direction @ RIM - 0.975) / 0.02, 0, 1)
    light += lamp[:, None] * np.array([9.0, 5.2, 2.4], np.float32)
    return light


def shade(piece, point, normal, view):
    """Linear light from the piece: wood, two lights, a dim room, lacquer."""
    n = len(point)
    local = point - np.array([piece.x, 0, piece.z], np.float32)
    ring = local[:, 0] * 3.1 + 0.5 * np.sin(local[:, 1] * 0.7) + local[:, 2] * 1.3
    grain = (
        0.88 + 0.12 * np.sin(ring * 3.0 + 1.5 * np.sin(local[:, 1] * 0.9)) + 0.05 * np.sin(ring * 17 + local[:, 1] * 2)
    )
    wood = piece.wood * grain[:, None]
    shelter = (1 - 0.60 * np.exp(-np.maximum(local[:, 1], 0) / 0.7))[:, None]
    key = np.clip(normal @ KEY, 0, 1)[:, None]
    rim = np.clip(normal @ RIM, 0, 1)[:, None]
    up = (normal[:, 1:2] + 1) / 2
    room = np.array([0.10, 0.11, 0.14], np.float32) * up + np.array([0.12, 0.07, 0.04], np.float32) * (1 - up)
    light = wood * (KEY_LIGHT * key + RIM_LIGHT * rim * 0.8 + room) * shelter
    facing = np.clip((normal * view).sum(1), 0, 1)
    mirrored = 2 * facing[:, None] * normal - view
    polish = (0.045 + 0.5 * (1 - facing) ** 5)[:, None]
    return (light + surroundings(mirrored) * polish * shelter).reshape(n, 3)


def trace(piece, below=False, samples=2):
    """Premultiplied colour and coverage of one piece and its place: (top, left, rgba).

    `below` traces the mirror image in the polished board: the camera mirrored at y = 0.
    """
    corners = [
        project((piece.x + dx * (piece.widest + 0.3), h, piece.z + dz * piece.widest))
        for dx in (-1, 1)
        for dz in (-1, 1)
        for h in ((-piece.reach if below else 0.0), (0.0 if below else piece.reach))
    ]
    left = max(0, int(min(c[0] for c in corners)) - 3)
    right = min(WIDTH, int(max(c[0] for c in corners)) + 4)
    top = max(0, int(min(c[1] for c in corners)) - 3)
    bottom = min(HEIGHT, int(max(c[1] for c in corners)) + 4)
    ys = top + (np.arange((bottom - top) * samples, dtype=np.float32) + 0.5) / samples
    xs = left + (np.arange((right - left) * samples, dtype=np.float32) + 0.5) / samples
    x, y = np.meshgrid((xs - WIDTH / 2) / PIXELS, (HEIGHT / 2 - ys) / PIXELS)
    direction = unit(FORWARD + x[..., None] * np.array([1, 0, 0], np.float32) + y[..., None] * UP)
    direction = direction.reshape(-1, 3).astype(np.float32)
    origin = EYE.copy()
    if below:
        direction[:, 1] *= -1
        origin[1] *= -1
    origins = np.broadcast_to(origin, direction.shape)
    distance = march(piece, origins, direction)
    normal = np.zeros_like(direction)
    body = np.isfinite(distance)
    point = origins + direction * np.where(body, distance, 0)[:, None]
    at = np.clip(point[:, 1] * (len(piece.y) - 1) / piece.top, 0, len(piece.y) - 1).astype(np.int32)
    away = point - np.array([piece.x, 0, piece.z], np.float32)
    r = np.maximum(np.hypot(away[:, 0], away[:, 2]), 1e-4)
    normal[:, 0], normal[:, 2] = away[:, 0] / r, away[:, 2] / r
    normal[:, 1] = -np.clip(piece.slope[at], -8, 8)
    lid = piece.top - point[:, 1] < 0.02
    normal[lid] = (0, 1, 0)
    if piece.kind == "king":
        other, flat = march_cross(piece, origins, direction)
        nearer = other < np.where(body, distance, np.inf)
        distance = np.where(nearer, other, distance)
        normal[nearer] = flat[nearer]
        point = origins + direction * np.where(np.isfinite(distance), distance, 0)[:, None]
    hit = np.flatnonzero(np.isfinite(distance))
    rgba = np.zeros((len(direction), 4), np.float32)
    rgba[hit, :3] = shade(piece, point[hit], unit(normal[hit]), -direction[hit])
    rgba[hit, 3] = 1
    rgba = rgba.reshape((bottom - top), samples, (right - left), samples, 4).mean((1, 3))
    return top, left, rgba
