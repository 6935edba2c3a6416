import HeroModel
import Testing

@Suite("Environment files")
struct EnvironmentFileTests {
    @Test(
        "An env_file has the syntax of docker compose without expansion",
        arguments: [
            ("", [:]), ("\n\n  \n# A=1\n  # B=2\n", [:]), ("A=1", ["A": "1"]), ("A=1\nB=2\n", ["A": "1", "B": "2"]),
            ("A=1\r\nB=2\r\n", ["A": "1", "B": "2"]), ("\u{FEFF}A=1\n", ["A": "1"]), ("A=1\r", ["A": "1"]),
            ("export A=1\nexport\tB=2\nexported=3\nexport=4", ["A": "1", "B": "2", "exported": "3", "export": "4"]),
            ("  A  =  1 2  \t\n", ["A": "1 2"]), ("A=\nB=  \nC=''\nD=\"\"", ["A": "", "B": "", "C": "", "D": ""]),
            ("A=1#2\nB=1 # two\nC= # all\nD=#all", ["A": "1#2", "B": "1", "C": "# all", "D": "#all"]),
            ("A='1 # 2' # three\nB=\"1 # 2\"", ["A": "1 # 2", "B": "1 # 2"]), ("A=b=c==", ["A": "b=c=="]),
            (
                "A=$HOME ${HOME} $$\nB='$HOME'\nC=\"$HOME \\$HOME\"",
                [
                    "A": "$HOME ${HOME} $$", "B": "$HOME", "C": "$HOME $HOME",
                ]
            ),
            ("A=it's\nB=say \"hi\"", ["A": "it's", "B": "say \"hi\""]),
            ("A='it\\'s'\nB='a\\nb\\\\c'", ["A": "it's", "B": "a\\nb\\\\c"]),
            ("A=\"a\\nb\\tc\\rd\\\"e\\\\f\\xg\"", ["A": "a\nb\tc\rd\"e\\f\\xg"]), ("A=a\\nb", ["A": "a\\nb"]),
            ("A=\"one\ntwo\"\nB='one\r\ntwo'\nC=3", ["A": "one\ntwo", "B": "one\ntwo", "C": "3"]),
            ("A=1\nA=2", ["A": "2"]), ("a.b-c_9=ü", ["a.b-c_9": "ü"]), ("A=\t\u{A0}x", ["A": "\u{A0}x"]),
        ] as [(String, [String: String])]
    )
    func good(_ text: String, _ expected: [String: String]) throws {
        #expect(try EnvironmentFile.parse(Array(text.utf8)) == expected)
    }

    /// Read by compose-go, `dotenv/parser.go`.
    @Test(
        "Comments, blanks and names are read as docker compose reads them",
        arguments: [
            ("A=#ff0000", ["A": "#ff0000"]), ("A= #ff0000", ["A": "#ff0000"]), ("A=a#b", ["A": "a#b"]),
            ("A=a #b", ["A": "a"]), ("A=a # b # c", ["A": "a"]), ("A=a\t#b", ["A": "a\t#b"]),
            ("A=a#b #c", ["A": "a#b"]),
            ("A=\"v\"#comment\nB=2", ["A": "v", "B": "2"]), ("A='v'#comment", ["A": "v"]),
            ("A=\"v\" # comment", ["A": "v"]), ("A=\"a # b\"", ["A": "a # b"]), ("A='#'", ["A": "#"]),
            ("A=\"x\ny\" # two", ["A": "x\ny"]), ("   # A=1", [:]), ("#A=1\nB=2", ["B": "2"]),
            ("export A=1", ["A": "1"]), ("export  \tA=1", ["A": "1"]), ("exportA=1", ["exportA": "1"]),
            ("A = 1", ["A": "1"]), ("A\t=\t1", ["A": "1"]), ("  A=1", ["A": "1"]), ("A=", ["A": ""]),
            ("A: 1", ["A": "1"]), ("A:1\nB=a:b", ["A": "1", "B": "a:b"]), ("A=a=b:c", ["A": "a=b:c"]),
            ("1A=1", ["1A": "1"]), ("a[0]=1", ["a[0]": "1"]), ("\u{FC}=1", ["\u{FC}": "1"]),
            ("A=\"\\0101\\a\\q\"", ["A": "A\u{7}\\q"]), ("A='\\n'", ["A": "\\n"]), ("A=\\n", ["A": "\\n"]),
            ("A=\"a\\\"b\"", ["A": "a\"b"]), ("A=a\"b\"", ["A": "a\"b\""]), ("A=\"\"", ["A": ""]),
        ] as [(String, [String: String])]
    )
    func readsAsCompose(_ text: String, _ expected: [String: String]) throws {
        #expect(try EnvironmentFile.parse(Array(text.utf8)) == expected)
    }

    @Test(
        "A syntax error has a line and a reason without any value",
        arguments: [
            ("A=1\n\nB\n", 3, "there is no `=`: write `NAME=value`"),
            (
                "=1", 1,
                "the text before `=` is not a valid name: use letters, digits, `_`, `.` and `-`"
            ),
            (
                "A B=1", 1,
                "the text before `=` is not a valid name: use letters, digits, `_`, `.` and `-`"
            ),
            (
                "\"A\"=1", 1,
                "the text before `=` is not a valid name: use letters, digits, `_`, `.` and `-`"
            ),
            (
                "\n \nset A=1", 3,
                "the text before `=` is not a valid name: use letters, digits, `_`, `.` and `-`"
            ),
            ("A=1\nB=\"canary\n\n", 2, "the quote that opens here is never closed"),
            ("A='canary\\'", 1, "the quote that opens here is never closed"),
            (
                "A=\"x\ny\" canary", 2,
                "text follows the closing quote: write `\\` before a quote that belongs to the value"
            ),
            ("A=1\nB=canary\0", 2, "the value of `B` contains the character NUL"),
        ]
    )
    func bad(_ text: String, _ line: Int, _ reason: String) {
        let error = #expect(throws: EnvironmentFile.SyntaxError.self) { try EnvironmentFile.parse(Array(text.utf8)) }
        #expect(error?.line == line)
        #expect(error?.reason == reason)
        #expect(error.map { $0.reason.contains("canary") } == false, "a value may be a secret (SE-1)")
    }

    @Test("A value that is not UTF-8 is rejected")
    func notUTF8() {
        let error = #expect(throws: EnvironmentFile.SyntaxError.self) {
            try EnvironmentFile.parse(Array("A=1\nB=".utf8) + [0xFF])
        }
        #expect(error?.reason == "the value of `B` is not UTF-8")
        #expect(error?.line == 2)
    }

    @Test("Any bytes are parsed without a crash, and quoted values are preserved")
    func anyBytes() throws {
        let alphabet = Array("A=\"'\\#\n\r $nx\t\u{0}".utf8) + [0xC3, 0xBC, 0xFF]
        var random = SystemRandomNumberGenerator()
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 0...12, using: &random)).compactMap { _ in
                alphabet.randomElement(using: &random)
            }
            _ = try? EnvironmentFile.parse(bytes)
            guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0), !bytes.contains(0x0D) else {
                continue
            }
            let escaped = text.map { ["\"", "\\", "$"].contains($0) ? "\\\($0)" : String($0) }.joined()
            #expect(try EnvironmentFile.parse(Array("V=\"\(escaped)\"".utf8)) == ["V": text], "\(bytes)")
        }
    }
}
