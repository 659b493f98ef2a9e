"""The surfaces over HTTP. They need the extra `serve`; each module skips where it is not installed."""

import pytest

pytest.register_assert_rewrite("tests.web.serving")
