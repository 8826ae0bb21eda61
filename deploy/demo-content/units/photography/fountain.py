"""A fountain at dusk, photographed with different exposure times: every drop follows its own parabola."""

import numpy as np

from units.photography.lens import aperture, convolve, gauss, noise_field

WIDTH, HEIGHT = 1500, 1000
SCALE = 335.0  # pixels per metre
GRAVITY = 9.81
FLAT = 0.17  # how much of a depth is seen as height: the camera stands low
NOZZLE = (750.0, 812.0)
SIZES = ((0.75, 0.62), (1.25, 0.28), (2.1, 0.10))  # (blur in pixels, share of the drops)
WARM = np.array([1.0, 0.80, 0.55], np.float32)


class Drops:
    """Start values of `count` drops: position and speed in metres, flight time in seconds."""

    def __init__(self, rng, count):
        main = rng.random(count) < 0.34
        jet = rng.integers(0, 12, count)
        turn = (jet + 0.5) / 12 * 2 * np.pi
        swing = rng.normal(0, 1, (3, count))
        speed = np.where(main, 6.0, 4.55) * (1 + 0.022 * swing[0])
        lean = np.where(main, 0.036 * np.abs(swing[1]), np.radians(21.0) + 0.014 * swing[1])
        heading = np.where(main, rng.random(count) * 2 * np.pi, turn + 0.03 * swing[2])
        ring = np.where(main, 0.02, 0.30)
        self.x0, self.z0 = ring * np.cos(heading), ring * np.sin(heading)
        self.vx, self.vz = speed * np.sin(lean) * np.cos(heading), speed * np.sin(lean) * np.sin(heading)
        self.vy = speed * np.cos(lean)
        self.flight = 2 * self.vy / GRAVITY
        self.age = rng.random(count) * self.flight
        self.size = rng.choice(len(SIZES), count, p=[share for _, share in SIZES])
        self.glint = np.exp(rng.normal(0, 0.55, count)) * (self.size + 0.7) ** 1.6

    def place(self, age):
        """Pixel position and brightness at this age; lit from below, seen slightly from above."""
        x = self.x0 + self.vx * age
        y = self.vy * age - GRAVITY / 2 * age * age
        z = self.z0 + self.vz * age
        px = NOZZLE[0] + x * SCALE
        py = NOZZLE[1] - y * SCALE + z * SCALE * FLAT
        light = 0.55 + 1.1 * np.exp(-np.clip(y, 0, None) / 0.7)
        alive = (age < self.flight) & (age >= 0)
        return px, py, self.glint * light * alive


def splat(px, py, light, size):
    """Adds points into one field per size and blurs each like the eye of the lens does."""
    out = np.zeros((HEIGHT, WIDTH), np.float32)
    inside = (px >= 0) & (px < WIDTH - 1) & (py >= 0) & (py < HEIGHT - 1) & (light > 0)
    flat = py.astype(np.int64) * WIDTH + px.astype(np.int64)
    for i, (blur, _) in enumerate(SIZES):
        pick = inside & (size == i)
        field = np.bincount(flat[pick], light[pick], WIDTH * HEIGHT).reshape(HEIGHT, WIDTH).astype(np.float32)
        out += convolve(field, gauss(blur))
    return out


def water(rng, seconds):
    """Light of the flying water during an exposure of `seconds`."""
    count = 15000
    if seconds > 0.25:
        # Each place is passed by many drops: sample them all at random ages instead.
        total, rounds, many = np.zeros((HEIGHT, WIDTH), np.float32), 4, 300000
        for _ in range(rounds):
            drops = Drops(rng, many)
            px, py, light = drops.place(drops.age)
            total += splat(px, py, light * (count / many / rounds), drops.size)
        return convolve(total, gauss(0.8))
    drops = Drops(rng, count)
    steps = max(1, int(np.ceil(6.0 * seconds * SCALE * 1.1)))
    parts = [drops.place(drops.age + seconds * (i + 0.5) / steps) for i in range(steps)]
    px, py, light = (np.concatenate([part[i] for part in parts]) for i in range(3))
    return splat(px, py, light / steps, np.tile(drops.size, steps))


def splashes(rng, seconds):
    """Small drops thrown up where the arcs land."""
    count = 3800 if seconds <= 0.25 else 250000
    turn = (rng.integers(0, 12, count) + 0.5) / 12 * 2 * np.pi + rng.normal(0, 0.11, count)
    far = 0.30 + 4.55**2 * np.sin(np.radians(42)) / GRAVITY + rng.normal(0, 0.06, count)
    vy, out = np.abs(rng.normal(0, 1.05, count)), rng.normal(0, 0.45, count)
    flight = 2 * vy / GRAVITY
    age = rng.random(count) * flight
    steps = 1 if seconds > 0.25 else max(1, int(np.ceil(1.5 * seconds * SCALE)))
    px, py, light = [], [], []
    for i in range(steps):
        a = age + (0 if seconds > 0.25 else seconds * (i + 0.5) / steps)
        px.append(NOZZLE[0] + ((far + out * a) * np.cos(turn)) * SCALE)
        py.append(NOZZLE[1] + ((far + out * a) * np.sin(turn)) * SCALE * FLAT - (vy * a - GRAVITY / 2 * a * a) * SCALE)
        light.append(np.full(count, 0.55 / steps * 3800 / count, np.float32))
    return splat(np.concatenate(px), np.concatenate(py), np.concatenate(light), np.zeros(count * steps, int))


def wide_blur(field, sigma):
    """A large soft blur, done on a quarter of the size."""
    small = field.reshape(HEIGHT // 4, 4, WIDTH // 4, 4).mean((1, 3))
    soft = convolve(small, gauss(sigma / 4))
    rows = np.clip((np.arange(HEIGHT) - 1.5) / 4, 0, HEIGHT // 4 - 1.001)
    columns = np.clip((np.arange(WIDTH) - 1.5) / 4, 0, WIDTH // 4 - 1.001)
    y, x = rows.astype(int), columns.astype(int)
    fy, fx = (rows - y)[:, None].astype(np.float32), (columns - x)[None, :].astype(np.float32)
    top = soft[y][:, x] * (1 - fx) + soft[y][:, x + 1] * fx
    low = soft[y + 1][:, x] * (1 - fx) + soft[y + 1][:, x + 1] * fx
    return top * (1 - fy) + low * fy


class Park:
    """What stands still: sky, trees and lamps out of focus, paving, the basin of stone."""

    def __init__(self, seed=11):
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
        self.x, self.y = x, y
        self.centre, self.half = (NOZZLE[0], NOZZLE[1] + 6), (700.0, 118.0)
        (cx, cy), (a, b) = self.centre, self.half
        light = self.evening(rng)
        glow = np.exp(-((np.hypot((x - cx) / 820, (y - cy) / 230)) ** 2))
        ground = np.clip((y - 688) / 26, 0, 1)[..., None]
        paving = 0.012 + 0.05 * noise_field(rng, HEIGHT, WIDTH, 4, 60)
        light = light * (1 - ground) + ground * (paving * (0.35 + 2.2 * glow))[..., None] * np.array(
            [1.0, 0.74, 0.52], np.float32
        )
        radius = np.hypot((x - cx) / a, (y - cy) / b)
        stone = 0.08 + 0.24 * noise_field(rng, HEIGHT, WIDTH, 5, 48)
        joints = 1 - 0.6 * (np.abs(np.sin(np.arctan2((y - cy) / b, (x - cx) / a) * 16)) < 0.035)
        rim = np.clip((1.085 - radius) * 90, 0, 1) * np.clip((radius - 1.0) * 90, 0, 1)
        upper = stone * joints * (0.75 + 0.25 * np.clip((cy - y) / 70, -1, 1))
        light = light * (1 - rim[..., None]) + (rim * upper)[..., None] * np.array([1.0, 0.76, 0.52], np.float32) * 1.5
        below = np.hypot((x - cx) / (a * 1.085), (y - cy - 56) / (b * 1.085))
        front = np.clip((1.0 - below) * 90, 0, 1) * np.clip((radius - 1.085) * 90, 0, 1) * (y > cy)
        light = light * (1 - front[..., None]) + (front * stone * joints * 0.28)[..., None] * np.array(
            [0.75, 0.70, 0.72], np.float32
        )
        self.light, self.glow, self.radius = light.astype(np.float32), glow[..., None], radius
        self.pool = np.clip((1.0 - radius) * 90, 0, 1)[..., None]
        self.ripple = noise_field(rng, HEIGHT, WIDTH, 3, 90) - 0.5

    def evening(self, rng):
        x, y = self.x, self.y
        t = np.clip(y / 690, 0, 1)[..., None]
        high, low = np.array([0.012, 0.028, 0.078], np.float32), np.array([0.40, 0.165, 0.075], np.float32)
        light = (
            high * (1 - t) + low * t**3.4 * 0.62 + np.array([0.055, 0.042, 0.085], np.float32) * np.sin(t * np.pi) * 0.7
        )
        crowns = noise_field(rng, 1, WIDTH, 5, 5)[0]
        line = 520 - 270 * (crowns - 0.42) - 60 * np.cos((x[0] - 750) / 750 * np.pi)
        leaves = noise_field(rng, HEIGHT, WIDTH, 4, 30)
        tree = np.clip((y - line[None, :] + (leaves - 0.5) * 150) / 8, 0, 1)[..., None]
        light = (
            light * (1 - tree)
            + (
                np.array([0.008, 0.014, 0.014], np.float32)
                + 0.016 * leaves[..., None] * np.array([0.5, 0.8, 0.6], np.float32)
            )
            * tree
        )
        tints = np.array([(1.0, 0.50, 0.14), (1.0, 0.62, 0.28), (0.70, 0.82, 1.0), (1.0, 0.32, 0.12)], np.float32)
        for _ in range(44):
            cx, cy = rng.uniform(8, WIDTH - 8), rng.normal(628, 34)
            x0, y0 = int(cx) - 5, int(np.clip(cy, 10, HEIGHT - 10)) - 5
            spot = np.clip(
                3.4 - np.hypot(x[y0 : y0 + 11, max(0, x0) : x0 + 11] - cx, y[y0 : y0 + 11, max(0, x0) : x0 + 11] - cy),
                0,
                1,
            )
            light[y0 : y0 + 11, max(0, x0) : x0 + 11] += (
                spot[..., None] * tints[rng.choice(4, p=[0.45, 0.3, 0.15, 0.1])] * rng.uniform(8, 34)
            )
        return convolve(light.astype(np.float32), aperture(16.0, 7))

    def photograph(self, seconds, seed=12):
        """The fountain with this exposure time and always the same amount of light; linear light."""
        rng = np.random.default_rng(seed)
        calm = seconds > 0.25
        cy, x, y, ripple = self.centre[1], self.x, self.y, self.ripple
        fly = water(rng, seconds) + splashes(rng, seconds)
        halo = wide_blur(fly, 24) * 0.9 + wide_blur(fly, 90) * 0.8
        spray = fly[..., None] * WARM + halo[..., None] * np.array([0.36, 0.22, 0.11], np.float32)
        wave = np.sin(self.radius * 60 + ripple * 10) * np.clip(1.3 - self.radius, 0.2, 1)
        swing = 2.0 if calm else 8.0
        far = cy - self.half[1]
        back_y = np.clip(far - (y - far) * 1.5 + swing * wave * 2.0, 0, HEIGHT - 1).astype(np.int32)
        own_y = np.clip(2 * NOZZLE[1] - y + swing * wave * 1.4, 0, HEIGHT - 1).astype(np.int32)
        side = np.clip(x + swing * ripple * 2.2, 0, WIDTH - 1).astype(np.int32)
        rows = slice(int(far) - 4, int(cy + self.half[1]) + 6)
        mirror = self.light[back_y[rows], side[rows]] * 0.62 + spray[own_y[rows], side[rows]] * 0.5
        mirror = convolve(mirror, gauss(4.5 if calm else 1.1))
        if not calm:
            mirror *= (1 + 0.38 * wave[rows])[..., None]
            glint = np.clip(wave * ripple * 3 - 0.40, 0, 1)[..., None] * self.glow
            mirror += glint[rows] * np.array([1.0, 0.80, 0.55], np.float32) * 1.3
        deep = np.array([0.008, 0.014, 0.020], np.float32) + self.glow[rows] * np.array(
            [0.050, 0.038, 0.024], np.float32
        )
        out = self.light.copy()
        pool = self.pool[rows]
        out[rows] = out[rows] * (1 - pool) + pool * (mirror + deep)
        lit = 1 + 0.25 * self.glow
        return (out * lit + spray).astype(np.float32)
