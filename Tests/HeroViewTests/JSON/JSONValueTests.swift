import Foundation
import HeroJSON
import HeroView
import Testing

@Suite struct JSONValueTests {
    @Test("JSON integers are exact over 64 bits")
    func integers() {
        #expect(JSONValue.integer(.max).text() == "9223372036854775807")
        #expect(JSONValue.integer(.min).text() == "-9223372036854775808")
        #expect(JSONValue(UInt64.max).text() == "9223372036854775807")
    }

    @Test("JSON objects keep the order of their members")
    func order() {
        let value: JSONValue = ["b": 1, "a": [true, nil], "": [:], "c": []]
        #expect(value.text() == #"{"b":1,"a":[true,null],"":{},"c":[]}"#)
        #expect(
            value.text(.pretty) == "{\n  \"b\": 1,\n  \"a\": [\n    true,\n    null\n  ],\n  \"\": {},\n  \"c\": []\n}"
        )
    }

    @Test(
        "JSON strings are escaped for terminals and keep their value",
        arguments: [
            "", "plain", "\"\\/", "\u{0}\u{1F}\u{7F}\u{80}\u{9F}\u{A0}", "a\nb\r\tc", "äöü 漢字 👩‍👩‍👧 \u{10FFFF}",
            "\u{2028}\u{2029}\u{202E}\u{2066}", hostile,
        ]
    )
    func escapes(_ text: String) throws {
        let json = JSONValue.array([.string(text), ["\(text)k": .string(text)]]).text()
        #expect(isHarmless(json) && !json.contains("\n"))
        let read = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [Any])
        #expect(read.first as? String == text)
        #expect((read.last as? [String: String])?.first?.value == text)
    }

    @Test("A number that JSON cannot represent is null")
    func numbers() {
        #expect(JSONValue.array([.number(1.5), .number(.infinity), .number(.nan)]).text() == "[1.5,null,null]")
    }
}
