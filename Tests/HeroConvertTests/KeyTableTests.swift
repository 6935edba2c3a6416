import HeroConvert
import Testing

/// The tables of keys are the documentation, so each sample must have the fate that its row states.
@Suite("Tables of imported keys")
struct KeyTableTests {
    @Test("Every row of the supervisord program table has the fate that it states")
    func supervisordPrograms() throws {
        for rule in Self.table(.supervisord, "[program:x]").rules {
            let own = rule.key == "command" ? "" : "command=web\n"
            let text = "[program:x]\n\(own)\(rule.key)=\(rule.sample)\n[program:db]\ncommand=db\npriority=1\n"
            try check(rule, .supervisord, text)
        }
    }

    @Test("Every row of the supervisord main section has the fate that it states")
    func supervisordMain() throws {
        for rule in Self.table(.supervisord, "[supervisord]").rules {
            try check(rule, .supervisord, "[supervisord]\n\(rule.key)=\(rule.sample)\n[program:db]\ncommand=db\n")
        }
    }

    private static func table(_ format: ImportFormat, _ section: String) -> KeyTable {
        format.tables.first { $0.section == section } ?? format.tables[0]
    }

    private func check(_ rule: KeyRule, _ format: ImportFormat, _ text: String) throws {
        let accepted = Set(LossCode.allCases)
        let report = try ImportCheck.convert(format, [("input", text)], accepted: accepted).report
        let codes = report.codes(rule.key) + report.items.filter { $0.key.contains(" \(rule.key) ") }.map(\.code)
        if rule.code == .exact {
            #expect(codes == [], "\(rule.key): \(report.text)")
        } else {
            #expect(codes.contains(rule.code), "\(rule.key): \(report.text)")
        }
    }
}
