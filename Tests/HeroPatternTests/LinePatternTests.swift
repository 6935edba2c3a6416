import HeroPattern
import Testing

@Suite("Line patterns")
struct LinePatternTests {
    @Test(
        "A line pattern matches like the common regular expression dialects",
        arguments: [
            ("ready", ["ready", "is ready now"], ["read", "Ready", ""]),
            ("^ready$", ["ready"], ["ready ", " ready"]),
            ("listening on port [0-9]+", ["x listening on port 80"], ["listening on port "]),
            ("a|bc|d", ["xbcx", "d", "a"], ["b", "c"]),
            ("(ab)+c", ["ababc", "abc"], ["c", "ac"]),
            ("(?:ab|c){2}", ["abc", "cc", "abab"], ["ab", "c"]),
            ("^a{2,3}$", ["aa", "aaa"], ["a", "aaaa"]),
            ("^a{2,}$", ["aa", "aaaaaaa"], ["a"]),
            ("^a?b*?$", ["", "a", "bb", "abbb"], ["aa"]),
            ("^.$", ["ä", "x", "🙂"], ["", "xy"]),
            ("[^a-c]", ["d", "ad"], ["abc", ""]),
            ("[]a]", ["]", "a"], ["b"]),
            ("[a\\]-]", ["]", "-", "a"], ["b"]),
            ("\\d\\D\\w\\W\\s\\S", ["1ab. x"], ["1ab.x "]),
            ("[\\d.]+ms", ["took 1.5ms"], ["took ms"]),
            ("\\bup\\b", ["is up.", "up"], ["cup", "upper"]),
            ("(?i)LISTENING", ["Listening", "listening"], ["listen"]),
            ("(?i)[x-z]", ["Y"], ["a"]),
            ("\\(\\.\\)\\\\", ["(.)\\"], ["(x)\\"]),
            ("", ["", "x"], []),
            ("(|a)*b", ["b", "aab"], ["a"]),
            ("}", ["}"], ["{"]),
        ] as [(String, [String], [String])]
    )
    func matches(_ text: String, _ found: [String], _ missed: [String]) throws {
        let pattern = try LinePattern(text)
        for line in found { #expect(pattern.matches(line), "\(text) in \(line)") }
        for line in missed { #expect(!pattern.matches(line), "\(text) in \(line)") }
    }

    @Test(
        "A syntax error has a position and a reason",
        arguments: [
            ("started (", 8, "this ( is never closed; write \\( for the character itself"),
            ("a)", 1, "this ) closes nothing; write \\) for the character itself"),
            ("x[a", 1, "this [ is never closed; write \\[ for the character itself"),
            ("a\\", 1, "nothing follows this \\; write \\\\ for the character itself"),
            ("*a", 0, "there is nothing before this * to repeat; write \\* for the character itself"),
            ("a|+", 2, "there is nothing before this + to repeat; write \\+ for the character itself"),
            ("(a)\\1", 3, "\\1 is a back reference, which is not supported here"),
            ("(?=a)", 0, "only ( and (?: can begin a group here, and (?i) must be at the beginning of the pattern"),
            ("\\q", 0, "\\q has no meaning here"),
            ("[z-a]", 1, "this range does not go from a smaller to a larger character"),
            ("a{3,2}", 1, "the second number is smaller than the first one"),
            ("a{x", 1, "a number must follow this {; write \\{ for the character itself"),
            ("a{9999}", 0, "this repeats too much"),
            ("[\\D]", 1, "write this outside the brackets"),
        ] as [(String, Int, String)]
    )
    func syntaxErrors(_ text: String, _ offset: Int, _ reason: String) {
        let error = #expect(throws: LinePattern.SyntaxError.self) { try LinePattern(text) }
        #expect(error?.offset == offset)
        #expect(error?.reason == reason)
    }

    @Test("Patterns with exponential backtracking in other engines match in linear time")
    func isLinear() throws {
        let line = String(repeating: "a", count: 4000) + "!"
        for text in ["(a+)+$", "(a|aa)+$", "(a*)*b", "(.*)(.*)(.*)x"] {
            #expect(try !LinePattern(text).matches(line))
        }
    }
}
