// One binary that is etcd, kube-apiserver, kube-controller-manager or kubectl, by the name it is called with.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	var command *cobra.Command
	switch name := filepath.Base(os.Args[0]); name {
	case "etcd":
		endWithSupervisor()
		etcdmain.Main(os.Args)
		return
	case "kube-apiserver":
		endWithSupervisor()
		command = apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		endWithSupervisor()
		command = controllers.NewControllerManagerCommand()
	case "kubectl":
		command = kubectl.NewDefaultKubectlCommand()
	default:
		fmt.Fprintf(os.Stderr, "%s: call me etcd, kube-apiserver, kube-controller-manager or kubectl\n", name)
		os.Exit(2)
	}
	os.Exit(cli.Run(command))
}

// endWithSupervisor ends this process when its supervisor is killed and so cannot stop it.
func endWithSupervisor() {
	supervisor, err := strconv.Atoi(os.Getenv("AUDITOR_SANDBOX_SUPERVISOR"))
	if err != nil {
		return
	}
	go func() {
		for os.Getppid() == supervisor {
			time.Sleep(200 * time.Millisecond)
		}
		os.Exit(1)
	}()
}
