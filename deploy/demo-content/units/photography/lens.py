"""Camera model: thin-lens blur of layers at known distances, exposure, film curve, sensor noise.

Pictures are float32 arrays (height, width, 3) of linear light, 1.0 being a bright white wall.
"""

import numpy as np

SENSOR_WIDTH = 3.6  # cm, full frame
FOCAL_LENGTH = 5.0  # cm


def blur_radius(distance, focus, f_number, width):
    """Radius in pixels of the disc that a point at `distance` becomes (thin lens; all lengths in cm)."""
    diameter = FOCAL_LENGTH**2 / f_number * abs(distance - focus) / (distance * (focus - FOCAL_LENGTH))
    return diameter / SENSOR_WIDTH * width / 2


def aperture(radius, blades=0):
    """The blur kernel: a disc, or a polygon with that many blades; anti-aliased, sum 1."""
    size = int(np.ceil(radius)) + 2
    y, x = np.mgrid[-size : size + 1, -size : size + 1].astype(np.float32)
    distance = np.hypot(x, y)
    if blades:
        sector = 2 * np.pi / blades
        angle = np.mod(np.arctan2(y, x) + 0.3, sector) - sector / 2
        straight = distance * np.cos(angle) / np.cos(sector / 2)
        distance = 0.55 * straight + 0.45 * distance  # real blades are slightly curved
    kernel = np.clip(radius + 0.5 - distance, 0, 1)
    return kernel / kernel.sum()


def smooth_size(n):
    """The next size whose transform is quick (only factors 2, 3 and 5)."""
    while True:
        rest = n
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return n
        n += 1


def convolve(picture, kernel):
    """Blur with edges repeated; works for (h, w) and (h, w, c)."""
    if kernel.shape[0] <= 3:
        return picture
    pad = kernel.shape[0] // 2
    height, width = picture.shape[:2]
    extra = ((pad, pad), (pad, pad)) + ((0, 0),) * (picture.ndim - 2)
    padded = np.pad(picture, extra, mode="edge")
    shape = (smooth_size(padded.shape[0] + 2 * pad), smooth_size(padded.shape[1] + 2 * pad))
    spectrum = np.fft.rfft2(kernel, shape)
    if picture.ndim == 3:
        out = np.empty_like(picture)
        for i in range(picture.shape[2]):
            full = np.fft.irfft2(np.fft.rfft2(padded[..., i], shape) * spectrum, shape)
            out[..., i] = full[2 * pad : 2 * pad + height, 2 * pad : 2 * pad + width]
        return out
    full = np.fft.irfft2(np.fft.rfft2(padded, shape) * spectrum, shape)
    return full[2 * pad : 2 * pad + height, 2 * pad : 2 * pad + width].astype(np.float32)


def gauss(sigma):
    size = int(np.ceil(sigma * 3))
    x = np.arange(-size, size + 1, dtype=np.float32)
    line = np.exp(-x * x / (2 * sigma * sigma))
    kernel = np.outer(line, line)
    return kernel / kernel.sum()


def noise_field(rng, height, width, octaves=5, base=4):
    """Smooth random field between 0 and 1 (sums of stretched random grids)."""
    total, weight = np.zeros((height, width), np.float32), 0.0
    for octave in range(octaves):
        cells = base * 2**octave
        grid = rng.random((cells + 2, cells + 2), dtype=np.float32)
        y, x = np.linspace(0, cells, height, dtype=np.float32), np.linspace(0, cells, width, dtype=np.float32)
        yi, xi = y.astype(int), x.astype(int)
        fy, fx = (y - yi)[:, None], (x - xi)[None, :]
        fy, fx = fy * fy * (3 - 2 * fy), fx * fx * (3 - 2 * fx)
        top = grid[yi][:, xi] * (1 - fx) + grid[yi][:, xi + 1] * fx
        low = grid[yi + 1][:, xi] * (1 - fx) + grid[yi + 1][:, xi + 1] * fx
        total += (top * (1 - fy) + low * fy) * 0.5**octave
        weight += 0.5**octave
    return total / weight


def vignette(height, width, strength):
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    away = ((x / width - 0.5) ** 2 + ((y - height / 2) / width) ** 2) / 0.361
    return (1 - strength * away)[..., None]


def develop(linear, stops=0.0, grain=0.006, seed=1, falloff=0.25):
    """Linear light to an 8-bit picture: exposure in stops, film curve, vignette and a little grain."""
    light = linear * 2.0**stops * vignette(*linear.shape[:2], falloff)
    curve = np.clip(light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14), 0, 1)
    shade = curve ** (1 / 2.2)
    if grain:
        rng = np.random.default_rng(seed)
        shade = shade + rng.standard_normal(shade.shape[:2], dtype=np.float32)[..., None] * grain
    return (np.clip(shade, 0, 1) * 255 + 0.5).astype(np.uint8)


def at_iso(linear, iso, seed=5):
    """The same picture taken at another sensitivity: fewer electrons per pixel, then amplified.

    At ISO 100 a pixel holds 50,000 electrons at 1.0; at ISO 12,800 the same brightness means 390.
    Shot noise is the square root of the count, read noise four electrons.
    """
    rng = np.random.default_rng(seed)
    full = 50000.0 * 100 / iso
    electrons = np.clip(linear, 0, 6) * full
    spread = np.sqrt(electrons + 16.0)
    noise = rng.standard_normal(linear.shape, dtype=np.float32)
    # The colour mosaic is interpolated: noise is slightly wider than one pixel.
    noise = 0.75 * noise + 0.35 * np.roll(noise, 1, 0) + 0.35 * np.roll(noise, 1, 1)
    return np.clip((electrons + noise * spread) / full, 0, None).astype(np.float32)
