import HeroJSON
import Testing

@Suite("Reading of JSON from clients")
struct JSONReaderTests {
    @Test(
        "JSON texts are read exactly and in their order",
        arguments: [
            ("null", .null), (" [ ] ", .array([])), ("{}", .object([])), ("-0", .integer(0)), ("1.5", .number(1.5)),
            ("9223372036854775807", .integer(.max)), ("1e2", .number(100)), ("9223372036854775808", .number(0x1p63)),
            ("[1,[2,{\"a\":[]}],3]", [1, [2, ["a": []]], 3]),
            ("{\"b\":1, \"a\":{\"c\":true}}", ["b": 1, "a": ["c": true]]),
            ("\"\\u00e4\\ud83d\\ude00\\n\\/\"", "ä😀\n/"),
        ] as [(String, JSONValue)]
    )
    func reads(_ text: String, _ value: JSONValue) throws {
        #expect(try JSONReader.read(Array(text.utf8)) == value)
        #expect(try JSONReader.read(Array(value.text(.pretty).utf8)) == value)
    }

    @Test(
        "Texts that are not JSON are refused",
        arguments: [
            "", " ", "[", "]", "[1,]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "01", "1.", ".5", "+1",
            "1e",
            "nul", "truex", "\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"", "\"\n\"", "1 2", "[1]]",
            "1e999",
        ]
    )
    func refuses(_ text: String) {
        #expect(throws: JSONReadError.self) { try JSONReader.read(Array(text.utf8)) }
    }

    @Test("A deep text is refused without recursion, and a long one is read")
    func isBounded() throws {
        #expect(throws: JSONReadError.self) { try JSONReader.read([UInt8](repeating: 0x5B, count: 1_000_000)) }
        let long = "[" + String(repeating: "1,", count: 200_000) + "1]"
        guard case .array(let items) = try JSONReader.read(Array(long.utf8)) else {
            Issue.record("no array")
            return
        }
        #expect(items.count == 200_001)
        #expect(throws: JSONReadError.self) { try JSONReader.read([0x22, 0xFF, 0x22]) }
    }
}
