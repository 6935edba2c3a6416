import ArgumentParser
import HeroModel

/// A selection of logs: a selection of services, or one action as `NAME.ACTION` or `CONTEXT/NAME.ACTION`.
enum LogArgument: ExpressibleByArgument {
    /// Services and standalone actions.
    case services(SelectorArgument)
    /// One action of a service.
    case action(LogTarget)

    /// Parses a selection.
    init?(argument: String) {
        if argument.contains("."), !argument.hasPrefix("tag:") {
            guard let name = ActionArgument(argument: argument) else { return nil }
            self = .action(LogTarget(name: name.service, action: name.action))
        } else {
            guard let selector = SelectorArgument(argument: argument) else { return nil }
            self = .services(selector)
        }
    }
}
