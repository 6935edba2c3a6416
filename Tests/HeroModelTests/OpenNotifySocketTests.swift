import HeroModel
import Testing

@Suite("Notify sockets of programs that start as root")
struct OpenNotifySocketTests {
    /// The actions with an open notify socket among: own user, root, no user, without notify, and with `notify_from`.
    private func names(asRoot: Bool, serviceUser: String? = nil) -> [String] {
        func action(_ name: String, _ change: (inout ActionSpec) -> Void = { _ in }) -> ActionSpec {
            var action = ActionSpec(name, .exec(["a"]), isProcess: true)
            action.ready = Probe(.notify)
            change(&action)
            return action
        }
        var service = ServiceSpec(
            QualifiedName("web"),
            actions: [
                action("own") { $0.user = "www" }, action("root") { $0.user = "root" }, action("none"),
                action("silent") { $0.ready = nil }, action("main") { $0.notifyFrom = .main },
                action("all") { $0.notifyFrom = .all },
            ]
        )
        service.user = serviceUser
        var desired = DesiredState()
        desired.services[service.name] = Declared(service, at: ManifestLocation(file: "a.yaml", line: 1, column: 1))
        return desired.openNotifySockets(asRoot: asRoot)
    }

    @Test("Only programs that start as root have a socket that every user can write to")
    func users() {
        #expect(names(asRoot: true) == ["core/web.none", "core/web.root"])
        #expect(names(asRoot: false) == ["core/web.root"])
        #expect(names(asRoot: true, serviceUser: "www") == ["core/web.root"])
    }
}
