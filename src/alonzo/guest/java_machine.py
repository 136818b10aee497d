"""A Java machine in this process, by the Java Native Interface (JNI) and ctypes: one that was started before its function was known.

The launcher `java` cannot wait for a function: its program cannot change its directory or the environment of its process, and the machine
reads both. Here they are set in between. What a function sees of the machine is what the launcher would have made of it: the thread `main`
with its stack, the system properties, the exit status.
Source: https://docs.oracle.com/en/java/javase/17/docs/specs/jni/functions.html (the numbers below are its positions in the function table).
"""

from __future__ import annotations

import ctypes
import locale
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, NoReturn

from alonzo.guest import linux

_VERSION_1_1, _VERSION_1_8 = 0x00010001, 0x00010008
_FIND_CLASS, _EXCEPTION_OCCURRED, _EXCEPTION_CLEAR, _PUSH_FRAME, _POP_FRAME = 6, 15, 17, 19, 20
_GET_METHOD, _CALL_OBJECT, _GET_STATIC_METHOD, _CALL_STATIC_OBJECT, _CALL_STATIC_VOID = 33, 36, 113, 116, 143
_NEW_STRING, _NEW_ARRAY, _SET_ELEMENT = 163, 172, 174
_DESTROY_MACHINE, _DETACH_THREAD = 3, 5
_FRAME_OBJECTS = 8
_NAME = "java"

_FOREIGN = ("SSL_new", "sqlite3_open", "curl_easy_init")
"""An interpreter that has libraries like these in itself, and shows them, would lend them to native code of the function."""

_INDEPENDENT = "com.amazonaws.lambda.thirdparty."
"""The client's own copies of libraries that read and write JSON: nothing of a function bears on their initializers, which take longer than
all else that a first invocation waits for."""

_Pointer = ctypes.c_void_p


class _Option(ctypes.Structure):
    _fields_ = (("text", ctypes.c_char_p), ("extra", _Pointer))


class _Arguments(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int32),
        ("count", ctypes.c_int32),
        ("options", ctypes.POINTER(_Option)),
        ("ignore_unrecognized", ctypes.c_ubyte),
    )


class _Defaults(ctypes.Structure):
    """JDK1_1InitArgs of JNI 1.1, as far as a machine still fills it in: that is how the launcher asks for the stack of `main`."""

    _fields_ = (
        ("version", ctypes.c_int32),
        ("properties", _Pointer),
        ("check_source", ctypes.c_int32),
        ("native_stack_bytes", ctypes.c_int32),
        ("java_stack_bytes", ctypes.c_int32),
        ("rest", ctypes.c_char * 256),
    )


def run(order: dict[str, Any], wait: Callable[[], tuple[dict[str, str], str, str]]) -> NoReturn:
    """Start a machine; when `wait` has returned variables, directory and handler, become the function's, until the end of the process.

    `order`: the launcher's command, the variables to start with, the machine's library and a file that names classes to load.
    """
    for name in ("SIGINT", "SIGPIPE", "SIGXFSZ"):  # what Python has changed, and a machine would respect or hand to its children
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    locale.setlocale(locale.LC_ALL, "C")  # every program's first one, which stays where LANG names one that is not installed
    linux.set_thread_name(_NAME)
    _set_variables(order["variables"])
    shown = ctypes.CDLL(None)
    if any(hasattr(shown, name) for name in _FOREIGN):
        os._exit(1)
    library = ctypes.CDLL(order["java"]["library"], mode=os.RTLD_NOW | os.RTLD_GLOBAL)  # as the launcher does
    defaults = _Defaults(version=_VERSION_1_1)
    library.JNI_GetDefaultJavaVMInitArgs(ctypes.byref(defaults))
    threading.stack_size(defaults.java_stack_bytes)
    main = threading.Thread(target=_run_main, args=(library, order, wait), daemon=True)
    main.start()
    main.join()
    os._exit(1)  # it ends the process itself, unless something has been raised in it


def _run_main(library: ctypes.CDLL, order: dict[str, Any], wait: Callable[[], tuple[dict[str, str], str, str]]) -> None:
    *options, _, class_path, main_class, handler = order["command"][1:]
    machine = _Machine(
        library, [*options, f"-Djava.class.path={class_path}", f"-Dsun.java.command={main_class}", "-Dsun.java.launcher=SUN_STANDARD"]
    )
    machine.load(_read_lines(order["java"]["classes"]))
    machine.forget_time_zone()
    variables, directory, handler = wait()
    _set_variables(variables)
    os.chdir(directory)  # again, where it is the same: the function's code has been mounted over it
    machine.set_property("sun.java.command", f"{main_class} {handler}".rstrip())
    machine.run(main_class, handler)


def _set_variables(variables: dict[str, str]) -> None:
    """Natively too: a machine copies them when it is first asked for one."""
    for name in list(os.environ):
        del os.environ[name]
    os.environ.update(variables)


def _read_lines(path: str) -> list[str]:
    with open(path, encoding="utf-8") as file:
        return file.read().split()


class _Machine:
    """A Java machine whose thread `main` is the caller's."""

    def __init__(self, library: ctypes.CDLL, options: list[str]) -> None:
        listed = (_Option * len(options))(*(_Option(os.fsencode(option), None) for option in options))
        arguments = _Arguments(_VERSION_1_8, len(options), listed, 0)
        self._machine, self._environment = _Pointer(), _Pointer()
        result = library.JNI_CreateJavaVM(ctypes.byref(self._machine), ctypes.byref(self._environment), ctypes.byref(arguments))
        if result != 0:
            os._exit(1)  # it has said why

    def load(self, names: list[str]) -> None:
        """Load and link classes; initialize but those that are independent of the function. What cannot be loaded is left out."""
        loading = self._find_class("java.lang.Class")
        loaders = self._find_class("java.lang.ClassLoader")
        find_loader = self._static_method(loaders, "getSystemClassLoader", "()Ljava/lang/ClassLoader;")
        loader = self._call(_CALL_STATIC_OBJECT, loaders, find_loader, _values())
        load = self._static_method(loading, "forName", "(Ljava/lang/String;ZLjava/lang/ClassLoader;)Ljava/lang/Class;")
        # To tell its methods, a class is linked.
        link = self._call(_GET_METHOD, loading, b"getDeclaredMethods", b"()[Ljava/lang/reflect/Method;")
        for name in names:
            self._call(_PUSH_FRAME, _FRAME_OBJECTS)
            loaded = self._call(_CALL_STATIC_OBJECT, loading, load, _values(self._string(name), int(name.startswith(_INDEPENDENT)), loader))
            if loaded:
                self._call(_CALL_OBJECT, loaded, link, _values())
            self._call(_EXCEPTION_CLEAR)
            self._call(_POP_FRAME, _Pointer(None))

    def forget_time_zone(self) -> None:
        """The initializers have asked for it, which leaves a mark: the function's program shall find it out for itself."""
        zones, system = self._find_class("java.util.TimeZone"), self._find_class("java.lang.System")
        self._call(_CALL_STATIC_VOID, zones, self._static_method(zones, "setDefault", "(Ljava/util/TimeZone;)V"), _values(0))
        clear = self._static_method(system, "clearProperty", "(Ljava/lang/String;)Ljava/lang/String;")
        self._call(_CALL_STATIC_OBJECT, system, clear, _values(self._string("user.timezone")))

    def set_property(self, name: str, value: str) -> None:
        """System.setProperty."""
        system = self._find_class("java.lang.System")
        setter = self._static_method(system, "setProperty", "(Ljava/lang/String;Ljava/lang/String;)Ljava/lang/String;")
        self._call(_CALL_STATIC_OBJECT, system, setter, _values(self._string(name), self._string(value)))

    def run(self, main_class: str, argument: str) -> NoReturn:
        """Run a program to its end, as the launcher does: the machine's end waits for threads that are no daemons."""
        main = self._find_class(main_class)
        arguments = self._call(_NEW_ARRAY, 1, self._find_class("java.lang.String"), _Pointer(None))
        self._call(_SET_ELEMENT, arguments, 0, self._string(argument))
        method = self._static_method(main, "main", "([Ljava/lang/String;)V")
        self._call(_CALL_STATIC_VOID, main, method, _values(arguments))
        status = 1 if self._call(_EXCEPTION_OCCURRED) else 0
        self._call_machine(_DETACH_THREAD)  # which hands the exception to who is to print it
        self._call_machine(_DESTROY_MACHINE)
        ctypes.CDLL(None).exit(status)
        os._exit(status)

    def _find_class(self, name: str) -> _Pointer:
        return self._call(_FIND_CLASS, name.replace(".", "/").encode())

    def _static_method(self, owner: _Pointer, name: str, signature: str) -> _Pointer:
        return self._call(_GET_STATIC_METHOD, owner, name.encode(), signature.encode())

    def _string(self, text: str) -> _Pointer:
        """Not by NewStringUTF, whose encoding is one of Java's own."""
        units = text.encode("utf-16-le" if sys.byteorder == "little" else "utf-16-be", "surrogatepass")
        return self._call(_NEW_STRING, units, len(units) // 2)

    def _call(self, number: int, *arguments: Any) -> _Pointer:
        """A function of the environment; all but numbers are pointers."""
        return _Pointer(_function(self._environment, number, arguments)(self._environment, *arguments))

    def _call_machine(self, number: int) -> None:
        _function(self._machine, number, ())(self._machine)


def _function(interface: _Pointer, number: int, arguments: tuple[Any, ...]) -> Callable[..., Any]:
    """One of an interface's table, which its first word points to."""
    kinds = {int: ctypes.c_int32, bytes: ctypes.c_char_p}
    prototype = ctypes.CFUNCTYPE(_Pointer, _Pointer, *(kinds.get(type(each), _Pointer) for each in arguments))
    table = ctypes.cast(ctypes.cast(interface, ctypes.POINTER(_Pointer))[0], ctypes.POINTER(_Pointer))
    return prototype(table[number])


def _values(*arguments: Any) -> Any:
    """An array of `jvalue`, as the functions whose names end in A take their arguments."""
    plain = [int(each.value or 0) if isinstance(each, _Pointer) else int(each) for each in arguments]
    return ctypes.cast((ctypes.c_uint64 * max(1, len(plain)))(*plain), _Pointer)
