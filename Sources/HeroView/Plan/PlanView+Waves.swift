import HeroModel
import HeroPlan

extension PlanView {
    /// The number of names of one wave that are shown before the others are counted.
    private static let nameLimit = 40
    /// The number of waves that are shown before the others are counted.
    private static let waveLimit = 20

    /// The services that stop and start at the same time, wave by wave.
    func waves(_ plan: Plan) -> String {
        waves("stop", plan.stopWaves) + waves("start", plan.startWaves)
    }

    private func waves(_ title: String, _ waves: [[QualifiedName]]) -> String {
        let shown = isVerbose || waves.count <= Self.waveLimit ? waves[...] : waves.prefix(Self.waveLimit - 1)
        let numberWidth = String(shown.count).utf8.count
        var result = ""
        for (index, wave) in shown.enumerated() {
            let label = (index == 0 ? title : "").padded(to: 5) + "  "
            let number = String(index + 1).leftPadded(to: numberWidth) + ": "
            let indent = label.utf8.count + number.utf8.count
            result += label + number + style.wrapped(names(wave), indent: indent) + "\n"
        }
        let rest = waves.dropFirst(shown.count)
        if !rest.isEmpty {
            let services = counted(rest.reduce(0) { $0 + $1.count }, "service")
            result += "       ... and \(counted(rest.count, "more wave", "more waves")) of \(services) (-v shows all)\n"
        }
        return result
    }

    private func names(_ wave: [QualifiedName]) -> [StyledWord] {
        let shown = isVerbose ? wave[...] : wave.prefix(Self.nameLimit)
        var names = shown.map { StyledWord($0.description.printable) }
        if wave.count > shown.count {
            names.append(StyledWord("... and \(wave.count - shown.count) more (-v shows all)"))
        }
        return names
    }

    /// The processes that are stopped because they hold a resource that a start needs.
    func reclaims(_ reclaims: [Reclaim]) -> String {
        list("To free resources:", reclaims.map { ("\($0.service).\($0.action)", $0.text) }, .red)
    }

    /// The differences between the machine and the records.
    func drift(_ drift: [Drift]) -> String {
        list(
            "Drift (not caused by a change of the files):",
            drift.map { ("\($0.service).\($0.action)", $0.text) },
            .yellow
        )
    }

    private func list(_ title: String, _ lines: [(name: String, text: String)], _ textStyle: TextStyle) -> String {
        guard !lines.isEmpty else { return "" }
        let width = min(48, lines.map(\.name.printable.columns).max() ?? 0)
        var result = title + "\n"
        for line in lines {
            let name = line.name.printable.padded(to: width)
            let words = line.text.printable.split(separator: " ").map { StyledWord(String($0)) }
            result += "  \(style.paint(name, textStyle))  \(style.wrappedOnTerminal(words, indent: 4 + name.columns))\n"
        }
        return result
    }
}
