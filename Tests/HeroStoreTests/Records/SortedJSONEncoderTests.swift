import Foundation
import HeroJSON
import HeroModel
import HeroRandom
import Testing

@Suite("The encoder of stored JSON")
struct SortedJSONEncoderTests {
    private enum Shape: Codable, Hashable {
        case empty
        case labeled(width: Int, height: Double)
        case nested([String: [Shape?]])
    }

    private struct Sample: Encodable {
        var z = "a/b \"quoted\" \\ \u{7}\u{8}\u{c}\n\r\t\u{1f}\u{7f}\u{2028} 日本語"
        var a: Int?
        var m: [Double] = [0.1, 2, -0.0, 1e300, 2.5e-300]
        var list: [Int?] = [1, nil, .min]
        var shapes: [Shape] = [.empty, .labeled(width: .max, height: 0.5), .nested(["b": [nil, .empty], "a": []])]
        var flags = [true, false]
        var keys = ["é": 1, "Z": 2, "_": 3, "a\"b": 4, "": 5]
        var nothing: [String: Int] = [:]
    }

    /// The text of Foundation's encoder, which wrote the rows of earlier versions.
    private func foundationText(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private func expectEqualText(_ value: some Encodable) throws {
        #expect(String(decoding: try SortedJSONEncoder.encode(value), as: UTF8.self) == (try foundationText(value)))
    }

    @Test("Stored JSON has the same bytes as the JSON that earlier versions have stored")
    func sameText() throws {
        try expectEqualText(Sample())
        try expectEqualText([Sample()])
        try expectEqualText(Optional<Int>.none)
        try expectEqualText("text")
        var random = SeededGenerator(13)
        for index in 1...300 {
            try expectEqualText(random.job(JobID(index)))
            try expectEqualText(random.outcome())
            try expectEqualText(random.names())
            try expectEqualText(random.service(QualifiedName("web")))
            try expectEqualText(random.standalone(QualifiedName("web")))
        }
        for arguments in [["/bin/sh", "-c", "exit 0"], ["/bin/\u{7f}"]] {
            try expectEqualText(service("web", run: 3, arguments: arguments))
        }
    }

    @Test("A number that JSON cannot express is an error")
    func notFinite() {
        #expect(throws: EncodingError.self) { try SortedJSONEncoder.encode([1, Double.infinity]) }
        #expect(throws: EncodingError.self) { try SortedJSONEncoder.encode(Shape.labeled(width: 1, height: .nan)) }
    }

    /// Writes to its outer container after it has begun an inner one, and then to the inner one again.
    private struct Interleaved: Encodable {
        enum CodingKeys: CodingKey { case inner, outer }

        func encode(to encoder: any Encoder) throws {
            var outer = encoder.container(keyedBy: CodingKeys.self)
            var inner = outer.nestedContainer(keyedBy: CodingKeys.self, forKey: .inner)
            try inner.encode(1, forKey: .inner)
            try outer.encode(2, forKey: .outer)
            try inner.encode(3, forKey: .outer)
        }
    }

    @Test("A value that continues a closed container is an error, never wrong JSON")
    func interleaved() {
        #expect(throws: EncodingError.self) { try SortedJSONEncoder.encode(Interleaved()) }
    }
}
