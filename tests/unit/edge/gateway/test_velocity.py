"""Velocity templates: what they write, and that strangers' templates neither reach Python nor take long."""

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alonzo.edge.api_gateway.velocity.errors import TemplateError, TemplateTooExpensive
from alonzo.edge.api_gateway.velocity.template import read_template


def render(template: str, **variables: object) -> str:
    return read_template(template).render(dict(variables))


@pytest.mark.parametrize(
    ("template", "written"),
    [
        ("plain # text $ 5 $$ 10% #ff0000", "plain # text $ 5 $$ 10% #ff0000"),
        ("## a comment\nx#* another *#y", "xy"),
        ("#[[ $a #if ]]#", " $a #if "),
        (r"\$a \#if", "$a #if"),
        ("$a $!nothing ${a}b $nothing.x ${nothing}", "A  Ab $nothing.x ${nothing}"),
        ("#set($x = 1 + 2 * 3 - 4 / 3 % 2)$x", "6"),
        ("#set($x = -7 / 2)$x", "-3"),
        ("#set($x = 'it''s')$x #set($y = \"$a,${a}\")$y", "it's A,A"),
        ("#if($a == 'A' && !$nothing)yes#{else}no#end", "yes"),
        ("#if($n < 1)a#elseif($n <= 3 or false)b#else c#end", "b"),
        ("#foreach($i in [1..3])$i$foreach.index#if($foreach.hasNext),#end#end", "10,21,32"),
        ("#foreach($i in [5, 6, 7])#if($i == 6)#break#end$i#end", "5"),
        ("#foreach($e in $m.entrySet())$e.key=$e.value;#end", "p=1;q=[2, 3];"),
        ("#foreach($k in $m.keySet())$k#end $m.q[1] $m['p'] $m.size()", "pq 3 1 2"),
        ('#set($l = [])#set($x = $l.add("a"))$l.size()$l[0] #set($m.z = {"k": true})$m.z', "1a {k=true}"),
        ('$a.concat("b").toLowerCase().replaceAll("([a-z])", "<$1>")', "<a><b>"),
        ('#set($s = "a,b,,")#set($p = $s.split(","))$p.size() $p', "2 [a, b]"),
        ("#macro(hi $name)Hi $name!#end#hi('Bob')#hi($a)#unknown(1)", "Hi Bob!Hi A!#unknown(1)"),
        ("#define($d)<$x>#end#set($x = 1)$d#set($x = 2)$d", "<1><2>"),
        ("#evaluate('$a#if(true)!#end')", "A!"),
        ("a#stop b", "a"),
        ("#set($x = $nothing)$x", "$x"),
        ("$context.nothing|$stageVariables.x|", "||"),
    ],
)
def test_writes_what_velocity_writes(template: str, written: str) -> None:
    assert render(template, a="A", n=3, m={"p": 1, "q": [2, 3]}, context={}, stageVariables={}) == written


@pytest.mark.parametrize(
    "reference",
    ["$a.__class__", "$a.__class__.__mro__[1].__subclasses__()", "$m.__init__.__globals__", "$a.format($m)", "$m.get.__self__", "$n.real"],
)
def test_python_is_out_of_reach(reference: str) -> None:
    assert render(reference, a="A", n=3, m={"p": 1}) == reference


@pytest.mark.parametrize(
    "template",
    [
        "#foreach($i in [1..9999])#foreach($j in [1..9999])x#end#end",
        "#foreach($i in [1..99999999])x#end",
        '#set($s = "xxxxxxxxxx")#foreach($i in [1..100])#set($s = "$s$s")#end',
        "#set($n = 2)#foreach($i in [1..100])#set($n = $n * $n)#end",
        "#macro(a)#a()#end#a()",
        "#set($t = '#evaluate($t)')#evaluate($t)",
        "#set($l = [1])#foreach($i in [1..100])#set($x = $l.addAll($l))#end",
        '#set($s = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")#if($s.matches("(a|aa|a?)*(a*)*c"))#end',
        '#set($s = "' + "a" * 24 + 'b")#foreach($i in [1..9999])#if($s.matches("(a+)+c"))#end#end',
        '#set($s = "xxxxxxxxxx")#foreach($i in [1..100])#set($s = $s.replace("x", "xxxxxxxxxx"))#end',
    ],
)
def test_expensive_templates_are_stopped(template: str) -> None:
    began_at = time.process_time()
    with contextlib.suppress(TemplateTooExpensive):
        render(template)
    assert time.process_time() - began_at < 20


@pytest.mark.parametrize(
    "template",
    ["#if(", "#if(true)", "#end", "#set($x = )", "#set($x = " + "(" * 500, "#foreach($x of $y)#end", "#parse('x')", "#if(true)" * 100],
)
def test_what_cannot_be_read_is_an_error(template: str) -> None:
    with pytest.raises(TemplateError):
        render(template)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="#$(){}[]\"'abif=.! \n\\1,seton", max_size=60))
def test_any_text_is_a_template_or_an_error(text: str) -> None:
    with contextlib.suppress(TemplateError):
        render(text, a="A", b={"a": [1]})
