package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// statefulSet is what the test looks at in docs/deploy/kubernetes.yaml.
type statefulSet struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		ServiceName string `yaml:"serviceName"`
		Replicas    int
		Template    struct {
			Spec struct {
				Grace      int `yaml:"terminationGracePeriodSeconds"`
				Containers []struct {
					Args  []string
					Ports []struct {
						Name string
						Port int `yaml:"containerPort"`
					}
					Readiness    probe `yaml:"readinessProbe"`
					Liveness     probe `yaml:"livenessProbe"`
					VolumeMounts []struct {
						Path string `yaml:"mountPath"`
					} `yaml:"volumeMounts"`
				}
			}
		}
	}
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

// TestKubernetes holds the cluster in docs/deploy against what chatd takes: its
// flags are good, its peers are the pods that there will be, with and without the
// lines for TLS, and the rest fits the image.
func TestKubernetes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "deploy", "kubernetes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(filepath.Join("..", "..", "docs", "deploy", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range imageEnv(image) {
		t.Setenv(name, value)
	}
	for _, secret := range regexp.MustCompile(`--from-literal=(CHATD_\w+)`).FindAllSubmatch(text, -1) {
		t.Setenv(string(secret[1]), "0123456789abcdef-not-a-secret")
	}
	commented := regexp.MustCompile(`(?m)^( *)# (- --|- \{|volumes:|  - name|    secret:)`)
	for name, text := range map[string][]byte{"plain": text, "TLS": commented.ReplaceAll(text, []byte("$1$2"))} {
		t.Run(name, func(t *testing.T) { checkKubernetes(t, text, name == "TLS") })
	}
}

// imageEnv is the environment that the image sets.
func imageEnv(dockerfile []byte) map[string]string {
	env := make(map[string]string)
	for _, line := range regexp.MustCompile(`(?m)^ENV (.*)$`).FindAllSubmatch(dockerfile, -1) {
		for pair := range strings.FieldsSeq(string(line[1])) {
			name, value, _ := strings.Cut(pair, "=")
			env[name] = value
		}
	}
	return env
}

func checkKubernetes(t *testing.T, text []byte, secure bool) {
	var set statefulSet
	services := make(map[string]bool)
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		var one statefulSet
		if err := yaml.Unmarshal(document, &one); err != nil {
			t.Fatal(err)
		}
		switch one.Kind {
		case "StatefulSet":
			set = one
		case "Service":
			services[one.Metadata.Name] = true
		}
	}
	pod := set.Spec.Template.Spec
	if len(pod.Containers) != 1 || pod.Containers[0].Args[0] != "serve" {
		t.Fatalf("the pod has %+v", pod.Containers)
	}
	c := pod.Containers[0]
	var cfg Config
	if _, _, err := load(&cfg, c.Args[1:]); err != nil {
		t.Fatalf("chatd would not take the flags: %v", err)
	}
	if cfg.clusterTLS() != secure {
		t.Errorf("TLS is %t", cfg.clusterTLS())
	}
	if !services[set.Spec.ServiceName] {
		t.Errorf("there is no service %s", set.Spec.ServiceName)
	}
	var pods []string
	for i := range set.Spec.Replicas {
		pods = append(pods, fmt.Sprintf("%s-%d.%s%s", set.Metadata.Name, i, set.Spec.ServiceName, cfg.ClusterListen))
	}
	if !slices.Equal(pods, cfg.ClusterPeers) {
		t.Errorf("the peers are %q, the pods %q", cfg.ClusterPeers, pods)
	}
	ports := make(map[string]string)
	for _, p := range c.Ports {
		ports[p.Name] = fmt.Sprint(":", p.Port)
	}
	if ports["http"] != cfg.Listen || ports["cluster"] != cfg.ClusterListen {
		t.Errorf("the ports are %q, and chatd listens on %s and %s", ports, cfg.Listen, cfg.ClusterListen)
	}
	if c.Readiness.HTTPGet != (struct{ Path, Port string }{"/readyz", "http"}) || c.Liveness.HTTPGet != (struct{ Path, Port string }{"/healthz", "http"}) {
		t.Errorf("the probes are %+v and %+v", c.Readiness, c.Liveness)
	}
	if grace := time.Duration(pod.Grace) * time.Second; grace < cfg.Drain+lastMoments {
		t.Errorf("chatd drains for %v and is killed after %v", cfg.Drain, grace)
	}
	var mounts []string
	for _, m := range c.VolumeMounts {
		mounts = append(mounts, m.Path)
	}
	if !slices.Contains(mounts, cfg.Data) || secure && !slices.Contains(mounts, filepath.Dir(cfg.ClusterCert)) {
		t.Errorf("mounted is %q, and chatd keeps its data in %s", mounts, cfg.Data)
	}
}
