"""A chess board by lamplight as layers: room, board, pieces, each at its own distance from the lens.

Lengths are centimetres; x to the right, y up from the board, z away from the camera.
"""

import numpy as np

from units.photography.lens import aperture, blur_radius, convolve, gauss, noise_field
from units.photography.pieces import (
    EYE,
    FORWARD,
    HEIGHT,
    KEY,
    KEY_LIGHT,
    PIECES,
    PIXELS,
    RIM,
    RIM_LIGHT,
    UP,
    WIDTH,
    march,
    trace,
    unit,
)

TABLE_END, ROOM = 118.0, 330.0
BOARD_CENTRE, BOARD_TURN, SQUARE = (2.0, 66.0), np.radians(21.0), 5.6


def shadow_map(rng):
    """How much of the two lights reaches the board: grids over x -35..35, z 30..120, two channels."""
    step = 0.2
    gx, gz = np.meshgrid(np.arange(-35, 35, step, dtype=np.float32), np.arange(30, 120, step, dtype=np.float32))
    maps = []
    for light, spread, count in ((KEY, 0.10, 6), (RIM, 0.06, 4)):
        seen = np.ones(gx.shape, np.float32)
        rays = unit(light + rng.normal(0, spread, (count, 3)).astype(np.float32))
        for piece in PIECES:
            lit = np.zeros(gx.shape, np.float32)
            reach = 3 + piece.reach * np.hypot(light[0], light[2]) / light[1] * 1.25
            area = np.flatnonzero(np.hypot(gx - piece.x, gz - piece.z) < reach)
            origin = np.stack([gx.ravel()[area], np.full(len(area), 0.02, np.float32), gz.ravel()[area]], 1)
            for ray in rays:
                blocked = np.isfinite(march(piece, origin, np.broadcast_to(ray, origin.shape), 26))
                lit.ravel()[area] += blocked / count
            seen *= 1 - lit
        maps.append(convolve(seen, gauss(1.3)))
    return maps, step


def board_light(rng):
    """Board and table as seen sharply: (rgb, coverage, distance of each row)."""
    rows = np.arange(HEIGHT * 2, dtype=np.float32) / 2 + 0.25
    y = (HEIGHT / 2 - rows) / PIXELS
    drop = FORWARD[1] + y * UP[1]
    scale = np.where(drop < -1e-3, -EYE[1] / np.minimum(drop, -1e-3), 1e6)
    z = scale * (FORWARD[2] + y * UP[2])
    first = int(np.argmax(z < TABLE_END))
    z, scale, rows = z[first:], scale[first:], rows[first:]
    xs = ((np.arange(WIDTH * 2, dtype=np.float32) / 2 + 0.25) - WIDTH / 2) / PIXELS
    px, pz = xs[None, :] * scale[:, None], np.broadcast_to(z[:, None], (len(z), WIDTH * 2))
    cos, sin = np.cos(BOARD_TURN), np.sin(BOARD_TURN)
    u = ((px - BOARD_CENTRE[0]) * cos + (pz - BOARD_CENTRE[1]) * sin).astype(np.float32)
    v = (-(px - BOARD_CENTRE[0]) * sin + (pz - BOARD_CENTRE[1]) * cos).astype(np.float32)
    half = SQUARE * 4
    field = np.maximum(np.abs(u), np.abs(v))
    cell_u, cell_v = np.floor(u / SQUARE), np.floor(v / SQUARE)
    dark = (cell_u + cell_v) % 2 == 0
    odd = np.sin(cell_u * 12.9898 + cell_v * 78.233) * 43758.5453
    tone = 0.85 + 0.3 * (odd - np.floor(odd))
    fibre = 0.5 + 0.5 * np.sin((v + 0.35 * np.sin(u * 0.5 + tone * 9)) * 5.2 + tone * 40) * np.sin(v * 1.7 + tone * 13)
    fibre = 0.82 + 0.22 * fibre + 0.06 * np.sin(v * 31 + np.sin(u * 0.8) * 3)
    light_square, dark_square = np.array([0.50, 0.31, 0.145], np.float32), np.array([0.110, 0.048, 0.022], np.float32)
    frame, table = np.array([0.075, 0.034, 0.020], np.float32), np.array([0.115, 0.058, 0.034], np.float32)
    wood = np.where(dark[..., None], dark_square, light_square) * (tone * fibre)[..., None]
    edge = field > half
    wood[edge] = frame * 1.0
    line = np.abs(field - half - 0.35) < 0.09
    wood[line] = (0.50, 0.36, 0.20)
    far = field > half + 2.6
    plank = (
        0.8
        + 0.25 * np.sin(px * 0.9 + 1.2 * np.sin(pz * 0.035 + px * 0.05)) * np.sin(px * 0.23 + 2)
        + 0.07 * np.sin(px * 9 + pz * 0.1)
    )
    wood[far] = (table * plank[..., None])[far]
    # The board stands 2 cm above the table in thought only: a dark line marks its edge.
    rimline = np.clip(1 - np.abs(field - half - 2.75) / 0.35, 0, 1)
    wood *= (1 - 0.75 * rimline)[..., None]

    (key_map, rim_map), step = shadow_map(rng)
    ix = np.clip(((px + 35) / step).astype(np.int32), 0, key_map.shape[1] - 1)
    iz = np.clip(((pz - 30) / step).astype(np.int32), 0, key_map.shape[0] - 1)
    key, rim = key_map[iz, ix], rim_map[iz, ix]
    # Smooth enough to be worked out for every other sample only.
    near = np.ones_like(key[::2, ::2])
    for piece in PIECES:
        gap = np.hypot(px[::2, ::2] - piece.x, pz[::2, ::2] - piece.z) - piece.widest
        near *= 1 - 0.55 * np.exp(-np.maximum(gap, 0) / 0.8)
    near = near.repeat(2, 0).repeat(2, 1)[: key.shape[0]]
    pool = 0.30 + 0.85 * np.exp(-((px + 2) ** 2 + (pz - 60) ** 2) / 1500)
    rgb = wood * (
        KEY_LIGHT * KEY[1] * (key * pool)[..., None]
        + RIM_LIGHT * RIM[1] * 0.8 * rim[..., None]
        + np.array([0.10, 0.10, 0.115], np.float32) * near[..., None]
    )
    # Polish: the far board mirrors the warm room at a flat angle.
    slant = (1 - np.clip(EYE[1] / np.sqrt(EYE[1] ** 2 + pz**2 + px**2), 0, 1)) ** 5
    rgb += (slant * 0.35)[..., None] * np.array([0.30, 0.21, 0.14], np.float32)
    rgb = rgb.astype(np.float32)
    odd_row = first % 2
    rgb = np.concatenate([np.zeros((odd_row, WIDTH * 2, 3), np.float32), rgb]) if odd_row else rgb
    cover = np.ones(rgb.shape[:2], np.float32)
    cover[:odd_row] = 0
    rgb = rgb.reshape(-1, 2, WIDTH, 2, 3).mean((1, 3))
    cover = cover.reshape(-1, 2, WIDTH, 2).mean((1, 3))
    full_rgb, full_cover = np.zeros((HEIGHT, WIDTH, 3), np.float32), np.zeros((HEIGHT, WIDTH), np.float32)
    start = HEIGHT - len(rgb)
    full_rgb[start:], full_cover[start:] = rgb, cover
    row_y = (HEIGHT / 2 - np.arange(HEIGHT) - 0.5) / PIXELS
    row_drop = np.minimum(FORWARD[1] + row_y * UP[1], -1e-2)
    distance = np.minimum(-EYE[1] / row_drop, TABLE_END)
    return full_rgb, full_cover, distance


def room_light(rng):
    """The room behind the table: shelves with books, a lamp, a string of lights. Far brighter than 1 in places."""
    light = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    light[:] = (0.050, 0.032, 0.024)
    palette = np.array(
        [
            (0.22, 0.05, 0.035),
            (0.045, 0.085, 0.11),
            (0.20, 0.135, 0.06),
            (0.06, 0.085, 0.05),
            (0.11, 0.045, 0.06),
            (0.24, 0.20, 0.14),
            (0.04, 0.05, 0.085),
            (0.15, 0.08, 0.03),
        ],
        np.float32,
    )
    for floor_y, tall in ((118, 170), (305, 172), (480, 160)):
        at = 500
        while at < WIDTH:
            wide = int(rng.integers(15, 44))
            if rng.random() < 0.07:
                at += wide
                continue
            high = int(tall * rng.uniform(0.66, 0.94))
            colour = palette[rng.integers(len(palette))] * rng.uniform(0.28, 0.75)
            book = light[max(0, floor_y - high) : floor_y, at : at + wide]
            book[:] = colour
            ramp = np.linspace(0.55, 1.15, book.shape[1], dtype=np.float32)
            book *= (np.sin(ramp * 2.2))[None, :, None]
            if rng.random() < 0.6 and high > 60:
                band = max(0, floor_y - high + 20)
                light[band : band + 7, at + 2 : at + wide - 2] = colour * 2.0 + 0.02
            at += wide + 1
        light[floor_y : floor_y + 15, 490:] = (0.10, 0.055, 0.03)
    # A lamp with a shade on the left, its glow on the wall.
    glow = np.exp(-(((x - 235) / 330) ** 2 + ((y - 150) / 260) ** 2))
    light += glow[..., None] * np.array([0.62, 0.33, 0.13], np.float32)
    half = 92 + (y - 40) * 0.42
    shade_area = (np.abs(x - 235) < half) & (y > 40) & (y < 215)
    light[shade_area] = np.array([2.9, 1.75, 0.80], np.float32)
    light[shade_area] *= (1.15 - 0.5 * np.abs(x - 235) / half)[shade_area][:, None]
    light[(np.abs(x - 235) < 9) & (y >= 215)] = (0.10, 0.06, 0.03)
    # A string of small lights across the shelves.
    for i in range(19):
        t = (i + 0.5) / 19
        cx = 455 + t * 1060 + rng.uniform(-9, 9)
        cy = 70 + 150 * abs(np.sin(t * 2 * np.pi)) ** 0.8 + rng.uniform(-9, 9)
        tint = np.array([(1.0, 0.50, 0.14), (1.0, 0.60, 0.24), (1.0, 0.40, 0.10)][i % 3], np.float32)
        part = slice(max(0, int(cy) - 7), int(cy) + 8), slice(max(0, int(cx) - 7), int(cx) + 8)
        bulb = np.clip(5.2 - np.hypot(x[part] - cx, y[part] - cy), 0, 1)
        light[part] += bulb[..., None] * tint * rng.uniform(48, 80)
    light *= (0.85 + 0.3 * noise_field(rng, HEIGHT, WIDTH, 4, 6))[..., None]
    return light * np.float32(0.8)


class Scene:
    """Everything traced once; `photograph` applies the lens as often as needed."""

    def __init__(self, seed=3):
        rng = np.random.default_rng(seed)
        self.room = room_light(rng)
        self.board, self.board_cover, self.row_distance = board_light(rng)
        order = sorted(PIECES, key=lambda piece: -piece.z)
        self.pieces = [(piece.distance, trace(piece), trace(piece, below=True, samples=1)) for piece in order]

    def photograph(self, f_number, focus):
        """The scene through the lens at this aperture, focused at `focus` cm; linear light."""
        blades = 0 if f_number < 2 else 7

        def kernel(distance):
            return aperture(blur_radius(distance, focus, f_number, WIDTH), blades)

        out = convolve(self.room, kernel(ROOM))
        board = self.board.copy()
        for _, _, mirror in self.pieces:
            top, left, rgba = mirror
            soft = convolve(rgba, gauss(2.2))
            part = board[top : top + soft.shape[0], left : left + soft.shape[1]]
            part += (
                (soft[..., :3] - soft[..., 3:] * part * 0.6)
                * 0.16
                * self.board_cover[top : top + soft.shape[0], left : left + soft.shape[1], None]
            )
        layer = np.dstack([board * self.board_cover[..., None], self.board_cover])
        out = self.over(out, self.by_row(layer, focus, f_number, blades), 0, 0)
        for distance, (top, left, rgba), _ in self.pieces:
            core = kernel(distance)
            pad = core.shape[0] // 2 + 1
            grown = np.pad(rgba, ((pad, pad), (pad, pad), (0, 0)))
            out = self.over(out, convolve(grown, core), top - pad, left - pad)
        return out

    def by_row(self, layer, focus, f_number, blades):
        """Blur that follows the distance of each row, between a few prepared strengths."""
        radii = np.array([blur_radius(d, focus, f_number, WIDTH) for d in self.row_distance])
        most = float(radii.max())
        levels = [0.0] + [r for r in (0.8, 1.6, 3.0, 5.5, 9.5, 15.0, 22.0, 30.0, 40.0, 52.0) if r < most] + [most]
        out = np.zeros_like(layer)
        for low, high in zip(levels, levels[1:]):
            rows = np.flatnonzero((radii >= low) & (radii <= high))
            # Before and behind the focus the same blur occurs: two runs of rows.
            for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
                if len(run):
                    first, last = int(run[0]), int(run[-1]) + 1
                    t = ((radii[run] - low) / (high - low))[:, None, None].astype(np.float32)
                    out[run] = (
                        self.soften(layer, low, blades, first, last) * (1 - t)
                        + self.soften(layer, high, blades, first, last) * t
                    )
        return out

    @staticmethod
    def soften(layer, radius, blades, first, last):
        """Rows `first` to `last` of the layer, blurred."""
        if radius < 0.4:
            return layer[first:last]
        core = aperture(radius, blades)
        pad = core.shape[0] // 2
        top = max(0, first - pad)
        return convolve(layer[top : last + pad], core)[first - top : last - top]

    @staticmethod
    def over(base, layer, top, left):
        y0, x0 = max(0, top), max(0, left)
        y1, x1 = min(HEIGHT, top + layer.shape[0]), min(WIDTH, left + layer.shape[1])
        part = layer[y0 - top : y1 - top, x0 - left : x1 - left]
        base[y0:y1, x0:x1] = base[y0:y1, x0:x1] * (1 - np.clip(part[..., 3:], 0, 1)) + part[..., :3]
        return base
