"""Git in fifteen minutes (English): lesson and quiz in Markdown, diagrams, terminals, cheat sheet."""

from pathlib import Path

from canvas import Canvas, alpha, encode, mix
from cover import cover, title
from handout import Handout
from page import licence
from terminal import BLUE, GREEN, RED, SOFT, YELLOW, terminal

HERE = Path(__file__).parent
ACCENT, INK = "#c2410c", "#1c2733"
NAME = "Git in fifteen minutes"
META = {
    "title": NAME,
    "description": "The dozen commands of daily work on one small project, a pancake recipe: the three places of a change, "
    "commits, diffs, undoing mistakes, branches, a merge conflict, and exchanging work with others. Every "
    "output is real. With exercises, a quiz and a two-page cheat sheet.",
    "language": "en",
    "level": 1,
    "format": "text",
    "license": "CC-BY",
    "duration_minutes": 15,
    "categories": ["programming"],
    "expect": "published",
}

FIRST_COMMIT = """\
$ git status
On branch main

No commits yet

Untracked files:
  (use "git add <file>..." to include in what will be committed)
        recipe.txt

nothing added to commit but untracked files present (use "git add" to track)
$ git add recipe.txt
$ git commit -m "Add basic pancake recipe"
[main (root-commit) 59caa42] Add basic pancake recipe
 1 file changed, 4 insertions(+)
 create mode 100644 recipe.txt""".split("\n")

DIFF = """\
$ git diff
diff --git a/recipe.txt b/recipe.txt
index a9c9cd7..7bb4ffe 100644
--- a/recipe.txt
+++ b/recipe.txt
@@ -1,4 +1,5 @@
 2 eggs
 200 ml milk
-120 g flour
+150 g flour
 1 pinch of salt
+1 tsp baking powder
$ git commit -am "Make the batter thicker"
[main c667707] Make the batter thicker
 1 file changed, 2 insertions(+), 1 deletion(-)""".split("\n")

CONFLICT = """\
$ git merge wholegrain
Auto-merging recipe.txt
CONFLICT (content): Merge conflict in recipe.txt
Automatic merge failed; fix conflicts and then commit the result.
$ cat recipe.txt
2 eggs
200 ml milk
<<<<<<< HEAD
180 g flour
=======
150 g wholegrain flour
>>>>>>> wholegrain
1 pinch of salt
1 tsp baking powder""".split("\n")


def three_places():
    c = Canvas(1400, 640, "#fbfaf8")
    places = [
        ("Working directory", "the files you edit", "#2563a8"),
        ("Staging area", "what goes into the next commit", "#b7791f"),
        ("Repository", "every recorded version", "#0f766e"),
    ]
    for i, (name, sub, colour) in enumerate(places):
        x = 60 + i * 470
        c.shadow(x, 110, 340, 380, 20, 18, 0.12)
        c.rect(x, 110, 340, 380, "#ffffff", mix(colour, "#ffffff", 0.55), 2, 20)
        c.rect(x, 110, 340, 88, colour, radius=20)
        c.rect(x, 160, 340, 38, colour)
        c.text(x + 170, 143, name, 29, "#ffffff", "bold", anchor="mm")
        c.text(x + 170, 177, sub, 19, alpha("#ffffff", 0.9), anchor="mm")
    for i, (name, mark) in enumerate((("recipe.txt", "M"), ("serving.txt", "?"), ("photo.jpg", ""))):
        sheet(c, 90, 226 + i * 74, name, mark)
    sheet(c, 560, 226, "recipe.txt", "M")
    for i, (code, words) in enumerate(
        (("c667707", "Make the batter thicker"), ("59caa42", "Add basic pancake recipe"))
    ):
        y = 254 + i * 90
        if i == 0:
            c.line([(1042, y), (1042, y + 90)], "#0f766e", 4)
        c.circle(1042, y, 14, "#0f766e")
        c.text(1070, y - 12, code, 19, "#0f766e", "bold", "mono", "lm")
        c.text(1070, y + 14, words, 19, INK, anchor="lm")
    for x, command in ((465, "git add"), (935, "git commit")):
        wide = c.measure(command, 22, "bold", "mono") + 40
        c.arrow(x - 52, 462, x + 56, 462, ACCENT, 6, 24)
        c.rect(x - wide / 2, 392, wide, 46, ACCENT, radius=23)
        c.text(x, 415, command, 22, "#ffffff", "bold", "mono", "mm")
    c.line([(1170, 512), (1170, 566), (230, 566), (230, 534)], "#64748b", 3)
    c.arrow(230, 546, 230, 504, "#64748b", 3, 16)
    words = "git restore brings a file back"
    wide = c.measure(words, 21, "medium") + 40
    c.rect(700 - wide / 2, 544, wide, 44, "#fbfaf8")
    c.text(700, 566, words, 21, "#475569", "medium", anchor="mm")
    c.text(60, 50, "A change passes through three places", 34, INK, "black", anchor="lm")
    return c.finish()


def sheet(c, x, y, name, mark):
    c.rect(x, y, 280, 60, "#f5f7f9", "#dbe2e8", 1.5, 10)
    c.rect(x + 18, y + 14, 24, 32, "#ffffff", "#94a3b8", 2, 3)
    for i in range(3):
        c.line([(x + 23, y + 23 + i * 7), (x + 37, y + 23 + i * 7)], "#94a3b8", 1.5)
    c.text(x + 58, y + 30, name, 20, INK, "regular", "mono", "lm")
    if mark:
        c.circle(x + 252, y + 30, 14, "#fde7c7" if mark == "M" else "#e2e8f0")
        c.text(x + 252, y + 30, mark, 17, "#92610d" if mark == "M" else "#475569", "bold", anchor="mm")


def graph(c, x, y, step, drop, radius, labels=True, main="#2563a8", branch="#c2410c", ink=INK):
    """The commits of the lesson: main above, the branch below."""
    top = [(x, y), (x + step, y), (x + 2.5 * step, y), (x + 4 * step, y)]
    low = (x + 2.1 * step, y + drop)
    c.line([top[0], top[3]], main, radius * 0.42)
    curve(c, top[1], low, branch, radius * 0.42)
    curve(c, low, top[3], branch, radius * 0.42)
    for point in top:
        c.circle(*point, radius, main)
        c.circle(*point, radius * 0.5, "#ffffff")
    c.circle(*low, radius, branch)
    c.circle(*low, radius * 0.5, "#ffffff")
    if labels:
        for point, code, words in zip(
            top,
            ("59caa42", "c667707", "57df127", "0d9c24d"),
            ("Add basic recipe", "Thicker batter", "Add serving tip", "Merge"),
        ):
            c.text(point[0], point[1] - radius - 44, words, 21, ink, "medium", anchor="mm")
            c.text(point[0], point[1] - radius - 18, code, 17, "#64748b", "regular", "mono", "mm")
        c.text(low[0], low[1] + radius + 22, "Add blueberries", 21, ink, "medium", anchor="mm")
        c.text(low[0], low[1] + radius + 49, "9dd3520", 17, "#64748b", "regular", "mono", "mm")


def curve(c, start, end, colour, width):
    (x1, y1), (x2, y2) = start, end
    points = []
    for i in range(41):
        t = i / 40
        ease = t * t * (3 - 2 * t)
        points.append((x1 + (x2 - x1) * t, y1 + (y2 - y1) * ease))
    c.curve(points, colour, width)


def branch_and_merge():
    c = Canvas(1400, 620, "#fbfaf8")
    c.text(60, 56, "One branch for one idea", 34, INK, "black", anchor="lm")
    graph(c, 210, 250, 245, 190, 23)
    for x, y, words, colour in ((60, 250, "main", "#2563a8"), (430, 440, "blueberries", "#c2410c")):
        wide = c.measure(words, 22, "bold", "mono") + 36
        c.rect(x, y - 22, wide, 44, colour, radius=22)
        c.text(x + wide / 2, y, words, 22, "#ffffff", "bold", "mono", "mm")
    c.text(1190, 326, "both ideas", 20, "#64748b", "italic", anchor="mm")
    c.text(1190, 352, "in one version", 20, "#64748b", "italic", anchor="mm")
    return c.finish()


def cover_picture():
    c = cover("#1b2430", "#3a2a2a")
    for i in range(9):
        c.circle(1270, 470, 120 + i * 90, outline=alpha("#ffffff", 0.035), width=2)
    title(
        c,
        "PROGRAMMING · 15 MINUTES",
        ["Git in", "fifteen", "minutes"],
        "Record, compare, undo, branch, share: the dozen commands of daily work.",
        104,
        width=560,
    )
    x, y, w, h = 820, 120, 690, 360
    c.shadow(x, y, w, h, 18, 30, 0.5, 18)
    c.rect(x, y, w, h, "#10161e", radius=18)
    c.rect(x, y, w, 54, "#222c38", radius=18)
    c.rect(x, y + 30, w, 24, "#222c38")
    for i, colour in enumerate(("#ff6b60", "#f7bf4f", "#5dcb76")):
        c.circle(x + 32 + i * 28, y + 27, 8, colour)
    rows = [
        ("$", " git log --oneline --graph", "#ffffff"),
        ("*  ", " 0d9c24d Merge blueberries", YELLOW),
        ("|\\ ", "", ""),
        ("| *", " 9dd3520 Add blueberries", YELLOW),
        ("* |", " 57df127 Add serving tip", YELLOW),
        ("|/ ", "", ""),
        ("*  ", " c667707 Thicker batter", YELLOW),
    ]
    for n, (mark, words, colour) in enumerate(rows):
        yy = y + 80 + n * 38
        c.text(x + 36, yy, mark, 25, GREEN if n == 0 else "#ff9a6b", "bold", "mono")
        at = x + 36 + c.measure(mark, 25, "bold", "mono")
        if n == 0:
            c.text(at, yy, words, 25, "#ffffff", "bold", "mono")
        elif words:
            c.text(at, yy, words[:9], 25, YELLOW, "regular", "mono")
            c.text(at + c.measure(words[:9], 25, "regular", "mono"), yy, words[9:], 25, "#d6dee7", "regular", "mono")
    graph(c, 850, 600, 155, 150, 24, labels=False, main="#7fb4ff", branch="#ff7a50")
    return c.finish()


def cheat_sheet():
    doc = Handout(
        "Git cheat sheet",
        'The commands of "Git in fifteen minutes" on two pages',
        ACCENT,
        "en",
        "Page",
        "Nano demo content · CC BY 4.0",
    )
    parts = [0.43, 0.57]
    doc.heading("Start")
    doc.table(
        ["Command", "Meaning"],
        [
            ['git config --global user.name "..."', "say who you are, once per computer"],
            ["git init", "make the current folder a repository"],
            ["git clone ADDRESS", "get a full copy of an existing repository"],
        ],
        parts,
        code=(0,),
    )
    doc.heading("Record")
    doc.table(
        ["Command", "Meaning"],
        [
            ["git status", "what is changed, what is staged, what you can do next"],
            ["git add FILE", "put the current state of a file into the next commit"],
            ['git commit -m "..."', "record everything that is staged"],
            ['git commit -am "..."', "stage all known files and record them"],
            ["git mv OLD NEW", "rename a file; git rm deletes one"],
        ],
        parts,
        code=(0,),
    )
    doc.heading("Look")
    doc.table(
        ["Command", "Meaning"],
        [
            ["git diff", "changes that are not staged yet"],
            ["git diff --staged", "changes that will be in the next commit"],
            ["git log --oneline --graph", "the history, one line per commit"],
            ["git show CODE", "one commit with its changes"],
            ["git show CODE:FILE", "a file as it was in that commit"],
            ["git blame FILE", "who changed which line last"],
        ],
        parts,
        code=(0,),
    )
    doc.page_break()
    doc.heading("Undo")
    doc.table(
        ["Where the mistake is", "Command"],
        [
            ["only in the file (the edits are lost)", "git restore FILE"],
            ["already staged", "git restore --staged FILE"],
            ["in the last commit, not shared", "git commit --amend"],
            ["older, or already shared", "git revert CODE"],
            ["in the middle of a merge", "git merge --abort"],
        ],
        [0.5, 0.5],
        code=(1,),
    )
    doc.heading("Branch and merge")
    doc.table(
        ["Command", "Meaning"],
        [
            ["git branch", "list the branches; the star marks yours"],
            ["git switch -c NAME", "make a branch and go there"],
            ["git switch NAME", "go to an existing branch"],
            ["git merge NAME", "bring the commits of NAME into the current branch"],
            ["git branch -d NAME", "delete a merged branch; its commits stay"],
        ],
        parts,
        code=(0,),
    )
    doc.heading("Share")
    doc.table(
        ["Command", "Meaning"],
        [
            ["git remote -v", "which remotes this repository knows"],
            ["git fetch", "look what is new, change nothing"],
            ["git pull", "fetch and merge"],
            ["git push -u origin BRANCH", "send a branch for the first time"],
            ["git push", "send the new commits"],
        ],
        parts,
        code=(0,),
    )
    doc.box(
        "A conflict in three steps",
        "Edit the file and remove the markers · <font name='Mono' size='9'>git add FILE</font> · "
        "<font name='Mono' size='9'>git commit</font>",
    )
    return doc.render()


def build():
    red_list = (("recipe.txt", RED),)
    images = {
        "three-places": three_places(),
        "branch-and-merge": branch_and_merge(),
        "terminal-first-commit": terminal("pancakes", FIRST_COMMIT, 1200, red_list + (("(use", SOFT),)),
        "terminal-diff": terminal(
            "pancakes",
            DIFF,
            1200,
            (("---", SOFT), ("+++", SOFT), ("diff", SOFT), ("index", SOFT), ("@@", BLUE), ("-", RED), ("+", GREEN)),
        ),
        "terminal-conflict": terminal(
            "pancakes",
            CONFLICT,
            1200,
            (
                ("CONFLICT", RED),
                ("<<<<", YELLOW),
                ("====", YELLOW),
                (">>>>", YELLOW),
                ("180", BLUE),
                ("150 g whole", GREEN),
            ),
        ),
    }
    return (
        [
            ("lesson.md", (HERE / "lesson.md").read_bytes()),
            ("quiz.md", (HERE / "quiz.md").read_bytes()),
            ("cheat-sheet.pdf", cheat_sheet()),
            ("cover.png", encode(cover_picture(), "png", colours=256)),
        ]
        + [("images/%s.png" % name, encode(picture, "png", colours=200)) for name, picture in images.items()]
        + [("LICENSE.txt", licence("en", NAME))]
    )
