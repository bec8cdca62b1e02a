"""Settings of the rules' numbers that can't be meant are refused with words."""

import pytest
from pydantic import ValidationError

from domain.limits import Limits


@pytest.mark.parametrize("field", ["pin_life", "strict_pin_life"])
@pytest.mark.parametrize("life", ["PT12H", "P1DT12H", "P0D", "-P1D"])
def test_B3_a_pin_lives_for_whole_days(field: str, life: str):
    with pytest.raises(ValidationError, match="a whole number of days, at least one"):
        Limits.model_validate({field: life})
    assert Limits.model_validate({field: "P1D"})
