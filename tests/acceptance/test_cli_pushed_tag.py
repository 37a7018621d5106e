"""A release of what was tagged already, as a pipeline that a pushed tag starts opens it."""

from __future__ import annotations

from tests.support.shop import Shop, flat


def test_a_release_is_opened_from_a_pushed_tag(shop: Shop) -> None:
    shop.repository.tag("shop-v1.1.0")
    shop.repository.commit("feat: later", {"app/b.txt": "3"})
    opened = shop.good("release", "open", "shop", "--tag", "shop-v1.1.0", "--json", by="rita").json
    tagged = shop.repository.git("rev-parse", "shop-v1.1.0^{commit}").strip()
    assert (opened["id"], opened["from"], opened["commit"], opened["changes"]) == ("shop-1.1.0", "1.0.0", tagged, 1)
    for words, code, sentence in (
        (("--tag", "v1.1.0"), 2, "'v1.1.0' is no tag of shop, whose tags are written as shop-v{version}"),
        (("--tag", "shop-v9.9.9"), 5, "shop-v9.9.9"),
        (("--tag", "shop-v1.1.0", "--at", "HEAD~1"), 2, "leave out --version and --at"),
    ):
        done = shop.run("release", "open", "shop", *words, by="rita")
        assert (done.code, sentence in flat(done.err)) == (code, True), done
