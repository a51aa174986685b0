"""tools/picture.py: escapes of a terminal as an SVG."""

import xml.etree.ElementTree as ElementTree

import picture

SVG = "{http://www.w3.org/2000/svg}"


def test_colours_and_weights_become_spans():
    parts, style = picture.spans("a \x1b[1mb\x1b[0m\x1b[2;31mc", {})
    assert parts == [("a ", {}), ("b", {"font-weight": "bold"}), ("c", {"fill": "#ff7b72"})]
    assert style == {"fill": "#ff7b72"}
    assert picture.spans("next\x1b[m.", style)[0] == [("next", style), (".", {})]


def test_a_picture_is_valid_and_holds_the_text():
    root = ElementTree.fromstring(picture.draw("$ \x1b[1mrun <x> & y\x1b[0m\n\n  two\n"))
    assert root.tag == SVG + "svg"
    assert ["".join(row.itertext()) for row in root.iter(SVG + "text")] == [
        "$ run <x> & y",
        "  two",
    ]
    places = [float(span.get("x")) for span in root.iter(SVG + "tspan")]
    assert places == [
        picture.MARGIN,
        round(picture.MARGIN + 2 * picture.CHARACTER, 1),
        picture.MARGIN,
    ]


def test_a_command_sees_a_terminal(tmp_path):
    words = ["sh", "-c", "test -t 1 && stty size && echo two"]
    assert picture.run_in_terminal(words, str(tmp_path), None) == (
        f"{picture.ROWS} {picture.COLUMNS}\ntwo\n"
    )


def test_only_the_size_of_a_recording_may_differ():
    old, new = (picture.draw(f"38 events, {size} bytes\n") for size in ("9,872", "9,880"))
    assert picture.is_same(old, new)
    assert not picture.is_same(old, picture.draw("39 events, 9,872 bytes\n"))
