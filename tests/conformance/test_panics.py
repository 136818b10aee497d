"""What Go and Rust have instead of exceptions that nobody catches."""

from tests.conformance.house import House, in_languages


@in_languages("go")
def test_a_panic_has_a_stack_trace_and_ends_the_program(house: House) -> None:
    name = house.deploy("panics")
    assert house.succeed(name, {"do": "count"})["global"] == 1
    answer = house.invoke(name, {"do": "panic", "message": "täglich"}, LogType="Tail")
    assert answer.error == "Unhandled"
    assert (answer.value["errorType"], answer.value["errorMessage"]) == ("string", "täglich")
    assert any(frame["label"] == "act" and frame["path"].endswith("main.go") for frame in answer.value["stackTrace"])
    assert "calling the handler function resulted in a panic, the process should exit" in answer.log_tail
    assert house.succeed(name, {"do": "count"})["global"] == 1


@in_languages("rust")
def test_a_panic_is_an_error_and_keeps_the_environment(house: House) -> None:
    name = house.deploy("panics")
    assert house.succeed(name, {"do": "count"})["global"] == 1
    answer = house.invoke(name, {"do": "panic", "message": "täglich"}, LogType="Tail")
    assert (answer.error, answer.value["errorMessage"]) == ("Unhandled", "Lambda panicked: täglich")
    assert house.succeed(name, {"do": "count"})["global"] == 2
