"""The page of a search as a reader has it: opened from disk in Chromium, by mouse and by keyboard."""

import re
import shlex
import shutil
from dataclasses import replace

import pytest

from scarlet_tf.arch import Choice, get_space
from scarlet_tf.figures.diagram import columns
from scarlet_tf.figures.pareto import upper_edge
from scarlet_tf.search import SearchConfig
from scarlet_tf.search.report import write_report

webdriver = pytest.importorskip("selenium.webdriver")

from selenium.webdriver import ActionChains, Keys  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402

DRIVER = shutil.which("chromedriver")
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(not (DRIVER and BROWSER), reason="needs chromium and chromedriver")

WEIGHTS = 'runs/it\'s a "supernet"'
WIDTH, HEIGHT = 1280, 1000
CONFIG = SearchConfig(madds_max=3e6, acc_min=0.4, image_size=32, num_classes=10)


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    """Writes the page of a search, and returns its address."""

    def write(space, result, weights=WEIGHTS):
        path = tmp_path_factory.mktemp("report") / "report.html"
        picks = {"pick_1": result.front[0], "pick_2": result.front[-1]}
        write_report(path, space, result, picks, weights, CONFIG)
        return path.as_uri()

    return write


@pytest.fixture(scope="module")
def address(write, tiny_space, searched):
    return write(tiny_space, searched)


def resize(browser, width=WIDTH):
    screen = {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)


@pytest.fixture
def page(browser, address):
    resize(browser)
    browser.get(address)
    yield browser
    assert browser.get_log("browser") == []


def text_of(page, name: str) -> str:
    return page.find_element(By.ID, name).text


def selected(page) -> tuple[int, ...]:
    return tuple(map(int, text_of(page, "network-genotype").split("-")))


def numbers(page) -> dict[str, str]:
    pairs = page.find_elements(By.CSS_SELECTOR, "#numbers > div")
    return dict(pair.text.split("\n") for pair in pairs)


def millions(number: int) -> str:
    """To four figures."""
    return f"{number / 1e6:#.4g}"


def command(page) -> str:
    return page.find_element(By.ID, "command").get_attribute("textContent")


def click_on(page, result, one, x="madds", y="acc") -> None:
    """Clicks where the plot, which leaves a twentieth of each range free at both ends, must have drawn `one`."""
    scatter = page.find_element(By.ID, "scatter")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", scatter)

    def share(measure: str) -> float:
        values = [other.measures[measure] for other in result.evaluated]
        spread = max(values) - min(values)
        return (one.measures[measure] - min(values) + 0.05 * spread) / (1.1 * spread)

    width, height = scatter.size["width"], scatter.size["height"]
    left, top, right, bottom = 56, 12, width - 14, height - 42
    offset = left + share(x) * (right - left) - width / 2, bottom - share(y) * (bottom - top) - height / 2
    ActionChains(page).move_to_element_with_offset(scatter, *map(round, offset)).click().perform()


def lonely(result, x="madds", y="acc") -> list:
    """Networks with none near them in the plot of the two measures."""
    spans = [
        max(one.measures[measure] for one in result.evaluated) - min(one.measures[measure] for one in result.evaluated)
        for measure in (x, y)
    ]

    def apart(one, other) -> bool:
        return any(
            abs(one.measures[measure] - other.measures[measure]) > 0.06 * span
            for measure, span in zip((x, y), spans, strict=True)
        )

    return [one for one in result.evaluated if all(other is one or apart(one, other) for other in result.evaluated)]


def titles(space, one) -> list[str]:
    """What each box of the diagram must say, after the library's own figure of the network."""
    said = []
    for column in columns(space.decode(one.genotype), 32, 10):
        place = "" if column.slot is None else f"slot {column.slot}: "
        extras = (" SE" if column.se else "") + (", shortcut" if column.shortcut else "")
        name = column.text.replace("\n", " ")
        said.append(f"{place}{name}{extras}, {column.channels} channels, {column.pixels} pixels")
    return said


def drawn_titles(page) -> list[str]:
    found = page.find_elements(By.CSS_SELECTOR, "#diagram title")
    return [title.get_attribute("textContent") for title in found]


def descent(result, one) -> list:
    """From `one` back to the first generation, each time to the more accurate parent."""
    by_genotype = {other.genotype: other for other in result.evaluated}
    line = [one]
    while line[-1].parents:
        line.append(max((by_genotype[parent] for parent in line[-1].parents), key=lambda parent: parent.accuracy))
    return line


def test_page_loads_alone_and_in_silence(page, searched):
    assert page.title == "Search of tiny"
    assert page.execute_script("return performance.getEntriesByType('resource').length") == 0
    summary = text_of(page, "summary").split("\n")
    assert summary[summary.index("evaluated") + 1] == "60"
    assert summary[summary.index("on the front") + 1] == str(len(searched.front))
    assert summary[summary.index("hypervolume") + 1] == "0.7"
    inaccurate = searched.rejected["acc"]
    assert summary[summary.index("rejected") + 1] == str(15 + inaccurate)
    assert f"5 by MAdds, 10 by duplicate, {inaccurate} by accuracy" in summary
    assert "maximise accuracy (weight 0.4), minimise MAdds (weight 0.4)" in text_of(page, "goals")
    assert "MAdds below 3.000 M, accuracy above 40.00%" in text_of(page, "goals")


def test_click_on_a_network_shows_all_of_it(page, searched, tiny_space, address):
    clicked = [one for one in lonely(searched) if one.parents][:3] + lonely(searched)[:1]
    assert len(clicked) == 4
    for one in clicked:
        click_on(page, searched, one)
        assert selected(page) == one.genotype
        shown = numbers(page)
        assert shown["accuracy"] == f"{100 * one.accuracy:.2f}%"
        assert float(shown["MAdds"].split()[0]) == pytest.approx(one.madds / 1e6, rel=1e-3)
        assert float(shown["latency"].split()[0]) == pytest.approx(one.measures["latency"], rel=2e-3)
        assert shown["generation"] == str(one.generation)
        assert shown["made by"] == ("reinforced mutation" if one.parents else "uniform sample")
        assert drawn_titles(page) == titles(tiny_space, one)
        directory = address.removeprefix("file://").removesuffix("report.html")
        text = "-".join(map(str, one.genotype))
        assert shlex.split(command(page)) == [
            *("python", "-m", "scarlet_tf.export", f"--model={directory}space.json:{text}", f"--weights={WEIGHTS}"),
            *("--format=tflite", f"--output_dir=exported/tiny-{text}"),
        ]


def test_lineage_leads_back_to_the_first_generation(page, searched):
    one = next(one for one in lonely(searched) if len(descent(searched, one)) > 2)
    click_on(page, searched, one)
    rows = page.find_elements(By.CSS_SELECTOR, "#lineage tbody tr")
    line = descent(searched, one)
    assert [row.find_elements(By.TAG_NAME, "td")[0].text for row in rows] == [str(other.generation) for other in line]
    assert [row.find_elements(By.TAG_NAME, "td")[2].text for row in rows] == [
        f"{100 * other.accuracy:.2f}%, {millions(other.madds)} M" for other in line
    ]
    rows[1].find_elements(By.TAG_NAME, "button")[0].click()
    assert selected(page) == line[1].genotype


def test_axes_can_be_any_two_measures(page, searched):
    Select(page.find_element(By.ID, "x-axis")).select_by_visible_text("params")
    Select(page.find_element(By.ID, "y-axis")).select_by_visible_text("latency")
    one = lonely(searched, "params", "latency")[-1]
    assert selected(page) != one.genotype
    click_on(page, searched, one, "params", "latency")
    assert selected(page) == one.genotype


def test_keyboard_alone_reaches_the_plot_and_walks_through_it(page, searched):
    for _ in range(10):
        ActionChains(page).send_keys(Keys.TAB).perform()
        if page.switch_to.active_element.get_attribute("id") == "scatter":
            break
    scatter = page.switch_to.active_element
    assert scatter.get_attribute("id") == "scatter"
    assert scatter.value_of_css_property("outline-style") == "solid"
    edge = upper_edge(searched.front)
    assert len(edge) > 2
    for key, expected in ((Keys.HOME, edge[0]), (Keys.RIGHT, edge[1]), (Keys.LEFT, edge[0]), (Keys.END, edge[-1])):
        ActionChains(page).send_keys(key).perform()
        assert selected(page) == expected.genotype
    before = numbers(page)["accuracy"]
    ActionChains(page).send_keys(Keys.DOWN).perform()
    assert float(numbers(page)["accuracy"][:-1]) < float(before[:-1])
    said = page.find_element(By.ID, "status").get_attribute("textContent")
    assert f"accuracy {numbers(page)['accuracy']}" in said


def test_table_is_sorted_by_its_headings_and_selects_by_keyboard(page, searched):
    def shown() -> list[str]:
        return [row.get_attribute("textContent") for row in page.find_elements(By.CSS_SELECTOR, "#front .genes")][1:]

    def texts(individuals) -> list[str]:
        return ["-".join(map(str, one.genotype)) for one in individuals]

    assert shown() == texts(searched.front)
    heading = next(one for one in page.find_elements(By.CSS_SELECTOR, "#front th") if one.text.startswith("accuracy"))
    heading.find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    by_accuracy = sorted(searched.front, key=lambda one: one.accuracy)
    assert shown() == texts(by_accuracy)
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.find_element(By.TAG_NAME, "button").send_keys(Keys.SPACE)
    assert shown() == texts(by_accuracy[::-1])
    page.find_element(By.CSS_SELECTOR, "#front tbody tr[tabindex='0']").send_keys(Keys.HOME, Keys.DOWN)
    page.switch_to.active_element.send_keys(Keys.ENTER)
    assert selected(page) == by_accuracy[-2].genotype
    assert page.find_element(By.CSS_SELECTOR, "#front [aria-current] .genes").text == texts(by_accuracy)[-2]


def test_slider_shows_the_choices_after_each_generation(page, searched):
    slider = page.find_element(By.ID, "generation")
    for key, record in ((Keys.END, searched.history[-1]), (Keys.HOME, searched.history[0])):
        slider.send_keys(key)
        assert text_of(page, "generation-shown") == str(record.generation)
        genotypes = [searched.evaluated[index].genotype for index in record.survivors]
        expected = [
            (f"slot {slot}, {name}", 100 * sum(genotype[slot] == choice for genotype in genotypes) / len(genotypes))
            for choice, name in enumerate(("E3 K3", "E6 K5", "skip"))
            for slot in range(4)
        ]
        found = page.find_elements(By.CSS_SELECTOR, "#choices title")
        shown = [title.get_attribute("textContent").removesuffix("%").split(": ") for title in found]
        assert [(name, float(share)) for name, share in shown] == [
            (name, pytest.approx(share, abs=0.5)) for name, share in expected
        ]


@pytest.fixture
def clipboard(page):
    """The page, where scripts may use the clipboard, which holds something else than a command."""
    page.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]})
    page.execute_async_script("navigator.clipboard.writeText('something else').then(arguments[0])")
    return page


def test_command_is_copied(clipboard):
    page = clipboard
    page.find_element(By.ID, "copy").click()
    WebDriverWait(page, 10).until(lambda page: text_of(page, "copy") == "Copied")
    read = "const done = arguments[0]; navigator.clipboard.readText().then(done, (error) => done(String(error)))"
    assert page.execute_async_script(read) == command(page)


def test_command_is_copied_where_the_clipboard_is_closed(clipboard):
    page = clipboard
    page.execute_script("navigator.clipboard.writeText = () => Promise.reject(new Error('closed'))")
    page.find_element(By.ID, "copy").click()
    WebDriverWait(page, 10).until(lambda page: text_of(page, "copy") == "Copied")
    page.execute_script("document.body.prepend(Object.assign(document.createElement('textarea'), {id: 'pasted'}))")
    page.find_element(By.ID, "pasted").send_keys(Keys.CONTROL, "v")
    assert page.find_element(By.ID, "pasted").get_property("value") == command(page)


@pytest.mark.parametrize("width", [800, WIDTH])
def test_page_is_as_wide_as_the_window(page, width):
    resize(page, width)
    page.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    sizes = page.execute_script(
        "const {scrollWidth, clientWidth} = document.documentElement; return [scrollWidth, clientWidth]"
    )
    assert sizes[0] == sizes[1]
    assert width - 20 <= sizes[1] <= width  # the scroll bar's


def test_page_follows_the_readers_colour_scheme(page):
    grounds = []
    for scheme in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        colour = page.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")
        grounds.append(sum(map(int, re.findall(r"\d+", colour)[:3])))
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert grounds[0] > 600
    assert grounds[1] < 150


def test_names_are_text_and_never_markup(browser, write, tiny_space, searched):
    name = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
    browser.get(write(replace(tiny_space, name=name), searched, weights="<i>w</i>"))
    assert text_of(browser, "title") == f"Search of {name}"
    assert browser.find_elements(By.CSS_SELECTOR, "img, i i") == []
    assert "'--weights=<i>w</i>'" in command(browser)
    assert browser.get_log("browser") == []


def test_space_of_the_package_without_weights_has_a_command_of_its_own_size(browser, write, searched):
    space = get_space("nas_bench_macro")
    one = replace(searched.evaluated[0], genotype=(0, 1, 0, 2, 0, 0, 1, 2), parents=(), violated=())
    history = (replace(searched.history[0], survivors=(0,)),)
    result = replace(searched, evaluated=(one,), front=(one,), population=(one,), history=history)
    browser.get(write(space, result, weights=None))
    assert command(browser) == (
        "python -m scarlet_tf.export --model=nas_bench_macro:0-1-0-2-0-0-1-2 --image_size=32 --num_classes=10 "
        "--format=tflite --output_dir=exported/nas_bench_macro-0-1-0-2-0-0-1-2"
    )
    assert drawn_titles(browser) == titles(space, one)
    assert "slot 0: conv 1x1, 64 channels, 32→16 pixels" in drawn_titles(browser)
    assert browser.get_log("browser") == []


def test_space_without_a_skip_says_so(browser, write, tiny_space, searched):
    space = replace(tiny_space, choices=(Choice(3, 3), Choice(6, 5), Choice(6, 7)))
    browser.get(write(space, searched))
    assert text_of(browser, "skips-note") == "No choice of this space is a skip: its networks are all equally deep."
    assert browser.find_elements(By.CSS_SELECTOR, "#skips svg") == []
    assert browser.get_log("browser") == []


def test_cells_of_convolutions_are_drawn_with_their_entries(browser, write, chain_space, searched):
    one = replace(searched.evaluated[0], genotype=(2, 1, 0, 2, 2, 1), parents=(), violated=())
    history = (replace(searched.history[0], survivors=(0,)),)
    result = replace(searched, evaluated=(one,), front=(one,), population=(one,), history=history)
    browser.get(write(chain_space, result))
    assert drawn_titles(browser) == titles(chain_space, one)
    assert "slot 1: conv 3x3, 16 channels, 32 pixels" in drawn_titles(browser)
    assert "pool + 1x1, 24 channels, 32→16 pixels" in drawn_titles(browser)
    key = [entry.text for entry in browser.find_elements(By.CSS_SELECTOR, "#diagram-key li")]
    assert key == ["kernel 3x3", "skipped"]
    assert browser.get_log("browser") == []
