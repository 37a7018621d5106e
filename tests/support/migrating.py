"""A process that runs the migrations of a package, to be killed or frozen; its argument says all that it needs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tidegate.core.effect import Act, Effect, Package, Token
from tidegate.core.wave import DATABASE
from tidegate.databases.database import Database
from tidegate.databases.registry import runner
from tidegate.databases.settings import DatabaseSettings
from tidegate.drivers.contract import Target


def main() -> None:
    told = json.loads(sys.argv[1])
    settings = DatabaseSettings.model_validate(told["settings"])
    package = Package(told["version"], told["digest"])
    effect = Effect(told["rollout"], "wave-1", DATABASE, 1, "billing", "production", Act.DEPLOY, package)
    database = Database(Target("billing", "production"), settings, runner(settings))
    seen = database.apply(effect, Path(told["path"]), Token(*told["token"]))
    sys.stdout.write(str(seen.last_stage))


if __name__ == "__main__":
    main()
