import Foundation
import HeroModel
import Testing

@Suite("Text of an expand value")
struct EnvironmentTemplateTests {
    @Test(
        "A template is split into texts and variables",
        arguments: [
            ("", []), ("a", [.text("a")]), ("${A}", [.variable("A")]), ("$A $", [.text("$A $")]),
            ("a${A}b${_b1}", [.text("a"), .variable("A"), .text("b"), .variable("_b1")]),
            ("$${A} $$ $$$", [.text("${A} $ $$")]), ("$$${A}", [.text("$"), .variable("A")]),
            ("é${A}", [.text("é"), .variable("A")]),
        ] as [(String, [EnvironmentTemplate.Piece])]
    )
    func pieces(_ text: String, _ pieces: [EnvironmentTemplate.Piece]) throws {
        #expect(try EnvironmentTemplate(text).pieces == pieces)
    }

    @Test(
        "A reference that is not a name is an error that shows it",
        arguments: [
            ("a${", "${"), ("${}", "${}"), ("${1}", "${1}"), ("x${A:-b}y", "${A:-b}"), ("${A", "${A"),
            ("${a b}", "${a b}"),
        ]
    )
    func errors(_ text: String, _ reference: String) {
        #expect(throws: EnvironmentTemplate.SyntaxError(reference: reference)) { try EnvironmentTemplate(text) }
    }

    @Test("A stored environment value is decoded as it was encoded")
    func storedValues() throws {
        let values: [EnvironmentValue] = [.text("a"), .fromFile("/b"), .expand("${c}")]
        #expect(try JSONDecoder().decode([EnvironmentValue].self, from: JSONEncoder().encode(values)) == values)
    }
}
