#!/usr/bin/python3
"""
browser_test.py: the report in a real browser: no error in the console, links, sorting and folds work, also without
JavaScript; light and dark. Screenshots are kept in build/report-shots. Skipped where there is no Chromium.
"""
import os
import shutil
import tempfile
import unittest

import files
import report
import runs
import tap

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
except ImportError:
    webdriver = None

BROWSER, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1400,1000")
SHOTS = os.path.join(os.path.dirname(tap.HERE), "build", "report-shots")


@unittest.skipUnless(webdriver and os.path.exists(BROWSER) and os.path.exists(DRIVER),
                     "no chromium, chromium-driver or python3-selenium")
class Browser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.makedirs(SHOTS, exist_ok=True)
        cls.folder = tempfile.mkdtemp(prefix="fsyncstorm-test-")
        cls.page = os.path.join(cls.folder, "report.html")
        files.write(cls.page, report.render(runs.load(tap.FIXTURE)))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder, ignore_errors=True)

    def open(self, *flags, wide=None):
        """`wide`: as a phone of so many points."""
        options = webdriver.ChromeOptions()
        if wide:
            options.add_experimental_option("mobileEmulation",
                                            {"deviceMetrics": {"width": wide, "height": 800, "pixelRatio": 1}})
        options.binary_location = BROWSER
        profile = tempfile.mkdtemp(dir=self.folder)
        for flag in (*FLAGS, *flags, "--user-data-dir=" + profile):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        browser = webdriver.Chrome(options=options, service=Service(DRIVER))
        self.addCleanup(browser.quit)
        browser.get("file://" + self.page)
        return browser

    def column(self, browser, table, name):
        heads = [h.text.rstrip(" ↑↓") for h in table.find_elements(By.CSS_SELECTOR, "thead th")]
        at = heads.index(name)
        return heads, at, lambda: [float(r.find_elements(By.TAG_NAME, "td")[at].get_attribute("data-v"))
                                   for r in table.find_elements(By.CSS_SELECTOR, "tbody tr")]

    def test_a_link_a_sort_and_a_fold_work_without_an_error(self):
        browser = self.open()
        browser.save_screenshot(os.path.join(SHOTS, "light.png"))
        browser.find_element(By.LINK_TEXT, "Glossary").click()
        self.assertTrue(browser.current_url.endswith("#glossary"))
        top = browser.execute_script("return document.getElementById('glossary').getBoundingClientRect().top")
        self.assertLess(top, browser.execute_script("return innerHeight"))
        self.assertGreater(browser.execute_script("return scrollY"), 500)

        table = browser.find_element(By.CSS_SELECTOR, "h3#results + div table")
        _, at, values = self.column(browser, table, "p50 us")
        before = values()
        button = table.find_elements(By.CSS_SELECTOR, "thead th button")[at]
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()
        self.assertEqual(values(), sorted(before))
        button.click()
        self.assertEqual(values(), sorted(before, reverse=True))

        fold = browser.find_element(By.CSS_SELECTOR, "details:not([open])")
        summary = fold.find_element(By.TAG_NAME, "summary")
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", summary)
        self.assertFalse(fold.find_element(By.TAG_NAME, "figure").is_displayed())
        summary.click()
        self.assertTrue(fold.find_element(By.TAG_NAME, "figure").is_displayed())
        browser.save_screenshot(os.path.join(SHOTS, "unfolded.png"))
        self.assertEqual([e for e in browser.get_log("browser") if e["level"] in ("SEVERE", "WARNING")], [])

    def test_the_first_screen_holds_the_answer_and_three_plots(self):
        browser = self.open()
        height = browser.execute_script("return innerHeight")
        plots = browser.find_elements(By.CSS_SELECTOR, "#answer figure svg")
        for e in [browser.find_element(By.CLASS_NAME, "answer")] + plots:
            box = e.rect
            self.assertLess(box["y"] + box["height"], height)
            self.assertGreater(box["width"], 300)
        self.assertEqual(len(browser.find_elements(By.CSS_SELECTOR, "#answer figure svg")), 3)
        wide = browser.execute_script("return document.documentElement.scrollWidth - innerWidth")
        self.assertLessEqual(wide, 0)

    def test_it_works_without_javascript(self):
        browser = self.open("--blink-settings=scriptEnabled=false")
        self.assertEqual(browser.find_elements(By.CSS_SELECTOR, "thead button"), [])
        fold = browser.find_element(By.CSS_SELECTOR, "details:not([open])")
        fold.find_element(By.TAG_NAME, "summary").click()
        self.assertTrue(fold.find_element(By.TAG_NAME, "figure").is_displayed())
        self.assertGreater(len(browser.find_elements(By.CSS_SELECTOR, "tbody tr")), 8)

    def test_dark_is_dark_and_still_to_be_read(self):
        browser = self.open("--blink-settings=preferredColorScheme=0")
        browser.save_screenshot(os.path.join(SHOTS, "dark.png"))
        style = "return getComputedStyle(document.body)"
        paper, ink = (sum(int(x) for x in browser.execute_script(f"{style}.{k}.match(/\\d+/g)")[:3])
                      for k in ("backgroundColor", "color"))
        self.assertLess(paper, 150)
        self.assertGreater(ink, 600)
        text = browser.execute_script("return getComputedStyle(document.querySelector('figure svg text')).fill")
        self.assertEqual(text, browser.execute_script(f"{style}.color"))


    def test_a_map_is_turned_over_on_a_dark_page_alone(self):
        style = "return getComputedStyle(document.querySelector('#plot-waits svg'))"
        dark = self.open("--blink-settings=preferredColorScheme=0")
        self.assertIn("invert(1)", dark.execute_script(f"{style}.filter"))
        ink = dark.execute_script(f"{style}.color.match(/\\d+/g)")  # before it is turned over
        self.assertLess(sum(int(x) for x in ink[:3]), 150)
        map_ = dark.find_element(By.ID, "plot-waits")
        dark.execute_script("arguments[0].scrollIntoView()", map_)
        dark.save_screenshot(os.path.join(SHOTS, "dark-map.png"))
        self.assertEqual(self.open().execute_script(f"{style}.filter"), "none")

    def test_a_phone_shows_all_of_a_comparison(self):
        browser = self.open(wide=400)
        rows = browser.find_elements(By.CSS_SELECTOR, "h3#comparisons + div tbody tr")
        browser.execute_script("arguments[0].scrollIntoView()", rows[0])
        browser.save_screenshot(os.path.join(SHOTS, "phone.png"))
        self.assertFalse(browser.find_element(By.CSS_SELECTOR, "h3#comparisons + div thead").is_displayed())
        for row in rows:
            for cell in row.find_elements(By.TAG_NAME, "td"):
                box = cell.rect
                self.assertLessEqual(box["x"] + box["width"], 400)
                self.assertGreater(box["height"], 10)
        self.assertLessEqual(browser.execute_script("return document.documentElement.scrollWidth"), 400)


if __name__ == "__main__":
    tap.main()
