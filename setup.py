"Package metadata: everything is read from settings.ini, which nbdev also reads."
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

here = Path(__file__).parent
config = ConfigParser(delimiters=["="])
config.read(here / "settings.ini", encoding="utf-8")
cfg = config["DEFAULT"]


class BuildWithResults(build_py):
    "Stored results of long studies travel in the wheel: a chapter opened alone finds them there."

    def run(self):
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / cfg["lib_path"] / "results"
            self.mkpath(str(target))
            for path in sorted((here / "nbs" / "results").glob("*.csv")):
                self.copy_file(str(path), str(target / path.name))


setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    author=cfg["author"],
    author_email=cfg["author_email"],
    license=cfg["license"],
    keywords=cfg["keywords"],
    url=cfg["git_url"],
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    python_requires=">=" + cfg["min_python"],
    packages=find_packages(include=[cfg["lib_path"], cfg["lib_path"] + ".*"]),
    package_data={f"{cfg['lib_path']}.scores": ["templates/*"], f"{cfg['lib_path']}.data": ["*.csv"]},
    install_requires=cfg["requirements"].split(),
    extras_require={name: cfg[f"{name}_requirements"].split() for name in ("learn", "dev", "bench", "lite")},
    entry_points={
        "console_scripts": ["crowdbook = crowdbook.cli:main"],
        "nbdev": [f"{cfg['lib_path']} = {cfg['lib_path']}._modidx:d"],
    },
    cmdclass={"build_py": BuildWithResults},
    zip_safe=False,
)
