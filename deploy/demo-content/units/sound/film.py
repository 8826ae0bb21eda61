"""A film of sixteen seconds: a wave, its samples, their rounding, the numbers. Frames by Pillow, coding by ffmpeg."""

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from canvas import SCALE, Canvas, alpha
from units.sound.tones import RATE, wav

WIDTH, HEIGHT, FPS, SECONDS = 1280, 720, 25, 16
NIGHT, GRID, CYAN, AMBER, WHITE, SOFT = "#0c1526", "#1d2b44", "#4fd1e8", "#ffb454", "#f4f8ff", "#8fa3c2"
LEFT, RIGHT, MIDDLE, TALL = 96, 1184, 372, 184
SAMPLES, LEVELS = 28, 16
# start second, headline, line below
SCENES = [
    (0, "Sound is a changing pressure", "A microphone turns it into a curve: height over time."),
    (4, "Sampling", "At equal steps in time the height is measured. A CD does it 44,100 times a second."),
    (8, "Quantisation", "Each height is rounded to the nearest step. Four bits give 16 steps, sixteen bits 65,536."),
    (12, "Numbers", "The list of steps is the recording. A loudspeaker draws the curve again."),
]


def wave(t):
    """The curve shown, for t between 0 and 1; its height stays within -1 and 1."""
    swell = 0.72 + 0.28 * np.sin(2 * np.pi * t + 0.4)
    tone = (
        0.74 * np.sin(2 * np.pi * 2.5 * t)
        + 0.28 * np.sin(2 * np.pi * 5 * t + 2.4)
        + 0.16 * np.sin(2 * np.pi * 7.5 * t + 0.6)
    )
    return swell * tone


def ease(t):
    t = min(1.0, max(0.0, t))
    return t * t * (3 - 2 * t)


def place(t, height):
    return LEFT + (RIGHT - LEFT) * t, MIDDLE - TALL * height


class Film:
    """Frames in order: what has come to rest is drawn into the stage once, only the rest on each frame."""

    def __init__(self):
        self.at = (np.arange(SAMPLES) + 0.5) / SAMPLES
        self.height = wave(self.at)
        step = 2 / LEVELS
        self.level = np.clip(np.floor((self.height + 1) / step), 0, LEVELS - 1).astype(int)
        self.rounded = (self.level + 0.5) * step - 1
        dense = np.linspace(0, 1, 500)
        self.curve = [place(t, h) for t, h in zip(dense, wave(dense))]
        self.scene = -1

    def open(self, scene):
        """The stage of a scene with everything that does not move."""
        c = Canvas(WIDTH, HEIGHT, NIGHT)
        _, head, line = SCENES[scene]
        c.text(LEFT, 74, head, 46, WHITE, "black", anchor="lm")
        c.text(LEFT, 130, line, 24, SOFT, anchor="lm")
        for i in range(len(SCENES)):
            c.rect(LEFT + i * 44, 676, 34, 5, AMBER if i <= scene else GRID, radius=2)
        c.line([(LEFT, MIDDLE), (RIGHT, MIDDLE)], GRID, 2)
        c.line([(LEFT, MIDDLE - TALL - 12), (LEFT, MIDDLE + TALL + 12)], GRID, 2)
        c.text(RIGHT, MIDDLE + TALL + 26, "time", 20, SOFT, "italic", anchor="rm")
        c.text(LEFT + 12, MIDDLE - TALL - 10, "pressure", 20, SOFT, "italic", anchor="lm")
        if scene >= 2:
            for i in range(LEVELS):
                y = MIDDLE - TALL * ((i + 0.5) * 2 / LEVELS - 1)
                c.line([(LEFT, y), (RIGHT, y)], alpha(SOFT, 0.16), 1)
        if scene >= 1:
            c.curve(self.curve, CYAN if scene == 1 else "#24506b", 4 if scene == 1 else 3)
        self.scene, self.stage, self.settled, self.drawn = scene, c, 0, 0

    def extend_curve(self, share):
        """Draws the curve further; returns the place of its end."""
        to = min(len(self.curve) - 1, round((len(self.curve) - 1) * share))
        if to > self.drawn:
            self.stage.curve(self.curve[self.drawn : to + 1], CYAN, 5)
            self.drawn = to
        return self.curve[to]

    def sample(self, c, i, height, mark=AMBER):
        x, y = place(self.at[i], height)
        c.line([(x, MIDDLE), (x, y)], AMBER, 2)
        c.circle(x, y, 7, mark)
        return x, y

    def frame(self, second):
        scene = max(i for i, part in enumerate(SCENES) if part[0] <= second)
        t = second - SCENES[scene][0]
        if scene != self.scene:
            self.open(scene)
        moving = []
        if scene == 0:
            x, y = self.extend_curve(ease(t / 3.4))
            moving = [lambda c: (c.circle(x, y, 20, alpha(CYAN, 0.25)), c.circle(x, y, 10, WHITE))]
        elif scene in (1, 2):
            moving = self.samples(scene, t)
        else:
            while self.settled < min(SAMPLES, round(ease(t / 2.2) * SAMPLES)):
                i = self.settled
                x, y = place(self.at[i], self.rounded[i])
                self.stage.circle(x, y, 6, AMBER)
                self.stage.text(x, 604, "{:04b}".format(self.level[i]), 13.5, AMBER, "bold", "mono", "mm")
                self.stage.text(x, 629, str(self.level[i]), 15, SOFT, "regular", "mono", "mm")
                self.settled += 1
            self.extend_curve(ease((t - 1.2) / 2.2))
        picture = self.stage.image
        if moving:
            picture = picture.copy()
            c = self.stage.over(picture)
            for draw in moving:
                draw(c)
        return picture.reduce(SCALE)

    def samples(self, scene, t):
        """Settles the samples that have arrived and returns how to draw those on their way."""
        moving = []
        for i in range(self.settled, SAMPLES):
            share = ease((t - 0.3 - i * (0.1 if scene == 1 else 0.09)) / 0.3)
            if share <= 0 and scene == 1:
                break
            if scene == 1:
                height = self.height[i] * share
            else:
                height = self.height[i] * (1 - share) + self.rounded[i] * share
            if share >= 1 and i == self.settled:
                x, y = self.sample(self.stage, i, height)
                if scene == 2:
                    self.stage.text(
                        x, y + (-20 if self.rounded[i] >= 0 else 20), str(self.level[i]), 17, WHITE, "bold", anchor="mm"
                    )
                self.settled += 1
            else:
                mark = WHITE if 0 < share < 1 else AMBER
                moving.append(lambda c, i=i, height=height, mark=mark: self.sample(c, i, height, mark))
        return moving


def film(sound):
    """MP4 bytes: H.264 and AAC, the index in front so that it plays while loading."""
    with tempfile.TemporaryDirectory() as folder:
        tone, target = Path(folder) / "sound.wav", Path(folder) / "film.mp4"
        tone.write_bytes(wav(sound[: SECONDS * RATE], RATE))
        coder = subprocess.Popen(
            [
                "ffmpeg",
                "-v",
                "error",
                "-y",
                "-f",
                "rawvideo",
                "-pix_fmt",
                "rgb24",
                "-s",
                "%dx%d" % (WIDTH, HEIGHT),
                "-r",
                str(FPS),
                "-i",
                "-",
                "-i",
                str(tone),
                "-map",
                "0:v",
                "-map",
                "1:a",
                "-c:v",
                "libx264",
                "-preset",
                "veryfast",
                "-crf",
                "20",
                "-pix_fmt",
                "yuv420p",
                "-threads",
                "2",
                "-g",
                "50",
                "-c:a",
                "aac",
                "-b:a",
                "128k",
                "-shortest",
                "-movflags",
                "+faststart",
                "-map_metadata",
                "-1",
                "-fflags",
                "+bitexact",
                "-flags:v",
                "+bitexact",
                "-flags:a",
                "+bitexact",
                str(target),
            ],
            stdin=subprocess.PIPE,
        )
        maker = Film()
        try:
            for i in range(FPS * SECONDS):
                coder.stdin.write(maker.frame(i / FPS).tobytes())
        finally:
            coder.stdin.close()
            coder.wait()
        if coder.returncode:
            raise SystemExit("demo content: ffmpeg could not code the film (exit %d)" % coder.returncode)
        return target.read_bytes()
