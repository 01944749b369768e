from tests.statistics.zz_budget import X
def test_a(): assert X == 1
