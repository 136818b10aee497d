import pytest

from alonzo.aws.service_model import ServiceModel, ServiceModels


@pytest.fixture(scope="session")
def models() -> ServiceModels:
    return ServiceModels()


@pytest.fixture(scope="session")
def lambda_model(models: ServiceModels) -> ServiceModel:
    return models.get("lambda")


@pytest.fixture(scope="session")
def logs_model(models: ServiceModels) -> ServiceModel:
    return models.get("logs")
