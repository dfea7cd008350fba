import { expect, test } from "vitest";
import { parsed } from "../src/text/csv";
import { asText, fromText } from "../src/text/editing";
import { dollars, seconds, size } from "../src/text/format";

test("fields in quotes keep delimiters, quotes and line ends", () => {
  expect(parsed('a,b\n"1,2","say ""x""\nthen"\n', 10).rows).toEqual([["a", "b"], ["1,2", 'say "x"\nthen']]);
});

test("the delimiter is found", () => {
  expect(parsed("a;b\r\n1;2\r\n", 10).rows).toEqual([["a", "b"], ["1", "2"]]);
});

test("what is left out is said", () => {
  expect(parsed("a\n1\n2\n3\n", 2)).toEqual({ rows: [["a"], ["1"]], isCut: true });
});

test("values come back from text as what they were", () => {
  for (const value of ["text", 3, true, null, ["a"], { b: 1 }]) expect(fromText("x", asText(value), value)).toEqual(value);
  expect(() => fromText("x", "{", 3)).toThrow("x: expected a value like 3");
});

test("figures read as in the terminal", () => {
  expect([seconds(0.42), seconds(185), seconds(3720), size(4000), dollars(0.5)]).toEqual([
    "0.4 s",
    "3 min 05 s",
    "1 h 02 min",
    "4.0 KB",
    "$0.50",
  ]);
});
