"""What only Java has: handlers of streams, and the settings of its machine."""

from tests.conformance.house import House, in_languages

_MIB = 1 << 20


@in_languages("java")
def test_streams_are_passed_byte_for_byte(house: House) -> None:
    text = b'{ "spaces" :\t[1 ,2] , "u": "\\u00fc" }'
    assert house.invoke(house.deploy("stream", "copy"), text).payload == text


@in_languages("java")
def test_the_machine_is_set_up_for_short_starts_unless_told_otherwise(house: House) -> None:
    default = house.succeed(house.deploy("machine", "describeMachine"), {})
    assert default == {"heap": default["heap"], "level": 1, "serial": True, "charset": "UTF-8"}
    assert 0.75 * 512 * _MIB < default["heap"] < 0.85 * 512 * _MIB
    options = "-Xmx100m -XX:TieredStopAtLevel=4 -XX:+UseParallelGC -Dfile.encoding=ISO-8859-1"
    told = house.deploy("told", "describeMachine", Environment={"Variables": {"JAVA_TOOL_OPTIONS": options}})
    assert house.succeed(told, {}) == {"heap": 100 * _MIB, "level": 4, "serial": False, "charset": "ISO-8859-1"}
