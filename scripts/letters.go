// letters prints src/query/letters_table.h from Go's own tables: go run scripts/letters.go > src/query/letters_table.h
package main

import (
	"fmt"
	"strconv"
	"unicode"
)

// ranges prints the runs of code points for which is holds.
func ranges(name string, is func(rune) bool) {
	fmt.Printf("\nstatic const uint32_t %s[][2] = {", name)
	column := 0
	for c := rune(0); c <= unicode.MaxRune; c++ {
		if !is(c) {
			continue
		}
		first := c
		for c < unicode.MaxRune && is(c+1) {
			c++
		}
		wrap(&column, fmt.Sprintf("{0x%x, 0x%x},", first, c))
	}
	fmt.Print("\n};\n")
}

// deltas prints how far away the other case is: {first, last, step, distance}.
func deltas(name string, to func(rune) rune) {
	fmt.Printf("\nstatic const struct letter_run %s[] = {", name)
	column := 0
	for c := rune(0x80); c <= unicode.MaxRune; c++ {
		distance := to(c) - c
		if distance == 0 {
			continue
		}
		first, step := c, rune(1)
		if to(c+1)-c-1 != distance && to(c+2)-c-2 == distance {
			step = 2
		}
		for to(c+step)-c-step == distance && (step == 1 || to(c+1) == c+1) {
			c += step
		}
		wrap(&column, fmt.Sprintf("{0x%x, 0x%x, %d, %d},", first, c, step, distance))
	}
	fmt.Print("\n};\n")
}

func wrap(column *int, text string) {
	if *column == 0 || *column+len(text) > 114 {
		fmt.Print("\n   ")
		*column = 3
	}
	fmt.Print(" ", text)
	*column += 1 + len(text)
}

func main() {
	fmt.Print("/* letters_table.h - made by scripts/letters.go; not written by hand. */\n")
	ranges("letters", unicode.IsLetter)
	ranges("digits", unicode.IsDigit)
	ranges("printables", strconv.IsPrint)
	deltas("uppers", unicode.ToUpper)
	deltas("lowers", unicode.ToLower)
	deltas("titles", unicode.ToTitle)
}
